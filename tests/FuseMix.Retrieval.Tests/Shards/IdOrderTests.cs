using System.Text;
using FsCheck;
using FsCheck.Fluent;
using FuseMix.Retrieval.Shards;

namespace FuseMix.Retrieval.Tests.Shards;

public sealed class IdOrderTests
{
    [Fact]
    public void Texts_are_ordered_as_their_utf8_bytes() => Prop.ForAll(
        ArbMap.Default.ArbFor<int>(),
        seed =>
        {
            var random = new System.Random(seed);
            string a = Text(random), b = Text(random);
            return Math.Sign(IdOrder.Instance.Compare(a, b)) == Math.Sign(
                Encoding.UTF8.GetBytes(a).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(b)));
        }).QuickCheckThrowOnFailure();

    private static string Text(System.Random random) =>
        string.Concat(
            Enumerable.Range(0, random.Next(4)).Select(
                _ => new[] { "a", "b", "é", "\uE000", "\uFFFD", "\U0001F600", "\U0001F601", "\U00010000" }[random.Next(8)]));
}
