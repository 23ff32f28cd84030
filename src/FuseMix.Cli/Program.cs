using System.Text;
using FuseMix.Cli.CommandLine;
using FuseMix.Hosting;

Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
using var interrupts = new Interrupts(StandardStreams.Remarks(Console.Error), Environment.Exit);
return await CliApplication.RunAsync(args, CliEnvironment.OfThisProcess(), interrupts.Token);
