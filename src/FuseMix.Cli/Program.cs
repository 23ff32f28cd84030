using System.Text;
using FuseMix.Cli.CommandLine;

Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
using var interrupts = new Interrupts(Console.Error, Environment.Exit);
return await CliApplication.RunAsync(args, CliEnvironment.OfThisProcess(), interrupts.Token);
