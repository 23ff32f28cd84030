return await FuseMix.Silo.SiloCommand.Run(args);
