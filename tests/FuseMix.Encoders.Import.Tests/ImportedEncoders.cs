using FuseMix.Encoders.Packs;
using FuseMix.Testing;

namespace FuseMix.Encoders.Import.Tests;

/// <summary>Packs imported from the fetched packages, each once for all tests of a class.</summary>
public sealed class ImportedEncoders : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Dictionary<string, EncoderPack> _packs = [];

    public EncoderPack Require(string name)
    {
        var recipe = EncoderRecipe.Find(name);
        var package = TestPackages.Find(recipe.Package, recipe.Version);
        Assert.SkipWhen(package is null, TestPackages.WhyMissing(recipe.Package, recipe.Version));
        lock (_packs)
        {
            if (!_packs.TryGetValue(name, out var pack)) _packs.Add(name, pack = EncoderImport.Import(recipe, package!, _folder[name]));
            return pack;
        }
    }

    public void Dispose() => _folder.Dispose();
}
