using System.Runtime.InteropServices;
using Xunit;

namespace FuseMix.Testing.Clusters;

/// <summary>A file whose reader waits in the middle of its work until the test lets it go on: a pipe in the file's place.</summary>
internal sealed partial class HeldFile : IDisposable
{
    private readonly string _path;
    private readonly byte[] _content;
    private readonly Task<FileStream> _writer;
    private bool _released;

    public HeldFile(string path)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Needs named pipes in the file system.");
        (_path, _content) = (path, File.ReadAllBytes(path));
        File.Delete(path);
        Assert.Equal(0, MakePipe(path, 0b110_000_000));

        // Opening a pipe for writing waits until somebody has opened it for reading.
        _writer = Task.Factory.StartNew(
            () => new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, 0), TaskCreationOptions.LongRunning);
    }

    /// <summary>Completes when the first reader is there, and waits.</summary>
    public Task Reached => _writer.WaitAsync(Patience.Long);

    /// <summary>Puts the plain file back for whoever reads from now on; the reader that is there still waits.</summary>
    public void PutBack()
    {
        File.WriteAllBytes($"{_path}.plain", _content);
        File.Move($"{_path}.plain", _path, overwrite: true);
    }

    /// <summary>Gives the waiting reader its content, and everybody after it the plain file.</summary>
    public async Task Release()
    {
        await Reached;
        PutBack();
        _released = true;
        await using var pipe = await _writer;
        await pipe.WriteAsync(_content);
    }

    public void Dispose()
    {
        if (_released) return;
        PutBackForOpening();
        _writer.GetAwaiter().GetResult().Dispose();
    }

    private void PutBackForOpening()
    {
        if (_writer.IsCompleted) return;

        // No reader ever came: be one, so that the writer's thread ends.
        new FileStream(_path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, 0).Dispose();
    }

    [LibraryImport("libc", EntryPoint = "mkfifo", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakePipe(string path, uint mode);
}
