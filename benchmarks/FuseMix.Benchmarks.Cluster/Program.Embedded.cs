Console.Error.WriteLine("Several silos make a cluster with Orleans alone: build with -p:GrainRuntime=Orleans.");
return 2;
