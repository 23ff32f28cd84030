namespace FuseMix.Testing;

/// <summary>A fresh folder that is deleted when the test ends.</summary>
public sealed class TemporaryFolder : IDisposable
{
    private const int Attempts = 1000;

    public TemporaryFolder() => Path = Directory.CreateTempSubdirectory("fusemix-test-").FullName;

    /// <param name="parent">Where to make it.</param>
    public TemporaryFolder(string parent) =>
        Path = Directory.CreateDirectory(System.IO.Path.Combine(parent, $"fusemix-test-{Guid.NewGuid():N}")).FullName;

    public string Path { get; }

    public string this[string relative] => System.IO.Path.Combine(Path, relative);

    public void Dispose()
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                Directory.Delete(Path, recursive: true);
                return;
            }
            catch (IOException) when (attempt < Attempts)
            {
                // The threads of a node that a test killed write on for a moment, for nobody can stop them.
                Thread.Yield();
            }
        }
    }
}
