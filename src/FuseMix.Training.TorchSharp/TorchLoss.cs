using FuseMix.Training.Adapters;
using TorchSharp;

namespace FuseMix.Training.TorchSharp;

/// <summary>The losses of <see cref="PairLoss"/> and their gradients on a device, over blocks of rows of the logits.</summary>
internal sealed class TorchLoss(ContrastiveLoss kind, torch.Device device, long mostLogits)
{
    private const float LeastWeight = 1e-6f;
    private const float NoWeight = -1e4f;

    private long _mostLogits = mostLogits;

    /// <summary>Takes half as many logits at a time.</summary>
    public void Halve() => _mostLogits = Math.Max(1, _mostLogits / 2);

    /// <summary>The loss, and its gradients with respect to both sides.</summary>
    /// <param name="left">Unit rows, [B × width].</param>
    /// <param name="right">Unit rows, [B × width].</param>
    /// <param name="temperature">τ.</param>
    /// <param name="bias">Of the sigmoid loss.</param>
    /// <param name="negatives">How much each negative counts.</param>
    public (LossResult Result, torch.Tensor[] Gradients) Compute(
        torch.Tensor left, torch.Tensor right, float temperature, float bias, NegativeWeights negatives)
    {
        using var scope = torch.NewDisposeScope();
        var rows = (int)left.shape[0];
        var block = (int)Math.Clamp(_mostLogits / rows, 1, rows);
        var inverse = 1 / temperature;
        var gradients = new[] { torch.zeros_like(left), torch.zeros_like(right) };
        var groups = Groups(negatives);
        var result = kind == ContrastiveLoss.Sigmoid ? Sigmoid() : InfoNce();
        scope.MoveToOuter(gradients[0], gradients[1]);
        return (result, gradients);

        LossResult InfoNce()
        {
            var sums = torch.zeros(1, dtype: torch.ScalarType.Float64, device: device);
            var columns = torch.full(rows, double.NegativeInfinity, dtype: torch.ScalarType.Float64, device: device);
            List<torch.Tensor> ofRows = [];
            for (var start = 0; start < rows; start += block)
            {
                using var inner = torch.NewDisposeScope();
                var (logits, weights) = Logits(start);
                sums.sub_(Sum(logits.diagonal(start, 0, 1)).mul_(2));
                if (weights is not null) logits.add_(weights);
                var ofBlock = logits.logsumexp(1, true);
                sums.add_(Sum(ofBlock));
                columns.copy_(torch.logaddexp(columns, logits.logsumexp(0, false).to(torch.ScalarType.Float64)));
                ofRows.Add(ofBlock.MoveToOuterDisposeScope());
            }

            var loss = (sums + columns.sum()).cpu().item<double>() / (2.0 * rows);
            var columnSums = columns.to(torch.ScalarType.Float32).unsqueeze(0);
            var slope = torch.zeros(1, dtype: torch.ScalarType.Float64, device: device);
            for (int start = 0, index = 0; start < rows; start += block, index++)
            {
                using var inner = torch.NewDisposeScope();
                var (logits, weights) = Logits(start);
                var weighted = weights is null ? logits : logits + weights;
                var gradient = (weighted - ofRows[index]).exp_().add_((weighted - columnSums).exp_()).mul_(0.5f / rows);
                gradient.diagonal(start, 0, 1).sub_(1f / rows);
                Propagate(start, gradient);
                slope.add_(Sum(gradient * logits));
            }

            return new LossResult(loss, -slope.cpu().item<double>() / temperature, 0);
        }

        LossResult Sigmoid()
        {
            var sums = torch.zeros(3, dtype: torch.ScalarType.Float64, device: device);
            for (var start = 0; start < rows; start += block)
            {
                using var inner = torch.NewDisposeScope();
                var (logits, weights) = Logits(start);
                var biased = logits + bias;
                var losses = SoftPlus(biased);
                var gradient = biased.sigmoid();
                if (weights is not null)
                {
                    losses.mul_(weights);
                    gradient.mul_(weights);
                }

                // The pair itself is to be told for one.
                var own = biased.diagonal(start, 0, 1);
                losses.diagonal(start, 0, 1).copy_(SoftPlus(-own));
                gradient.diagonal(start, 0, 1).copy_((-own).sigmoid().neg_());
                gradient.mul_(1f / rows);
                Propagate(start, gradient);
                sums.add_(torch.cat([Sum(losses), Sum(gradient * logits), Sum(gradient)], 0));
            }

            var read = sums.cpu().data<double>().ToArray();
            return new LossResult(read[0] / rows, -read[1] / temperature, read[2]);
        }

        (torch.Tensor Logits, torch.Tensor? Weights) Logits(int start)
        {
            var logits = torch.mm(left.narrow(0, start, Math.Min(block, rows - start)), right.t()).mul_(inverse);
            return (logits, groups is null ? null : Weights(start, (int)logits.shape[0]));
        }

        // What each column counts as a negative of each row: its logarithm for InfoNCE, itself for the sigmoid loss.
        torch.Tensor Weights(int start, int count)
        {
            using var inner = torch.NewDisposeScope();
            var (a, b) = (groups!.Value.First, groups.Value.Second);
            var (ofA, ofB) = (a.narrow(0, start, count).unsqueeze(1), b.narrow(0, start, count).unsqueeze(1));
            var (first, second) = ((float)negatives.Lambda, (float)(1 - negatives.Lambda));
            var weight = Same(ofA, a).mul_(-first * first).add_(Same(ofB, b), -second * second)
                .add_(Same(ofA, b), -first * second).add_(Same(ofB, a), -first * second).add_(1f);
            var none = weight.lt(LeastWeight);
            if (kind == ContrastiveLoss.InfoNce)
            {
                weight = weight.clamp_min(LeastWeight).log_().masked_fill_(none, NoWeight);
                weight.diagonal(start, 0, 1).zero_();
            }
            else
            {
                weight.masked_fill_(none, 0f);
            }

            return weight.MoveToOuterDisposeScope();
        }

        void Propagate(int start, torch.Tensor gradient)
        {
            var count = gradient.shape[0];
            gradients[0].narrow(0, start, count).copy_(torch.mm(gradient, right).mul_(inverse));
            gradients[1].add_(torch.mm(gradient.t(), left.narrow(0, start, count)), inverse);
        }
    }

    private static torch.Tensor Same(torch.Tensor column, torch.Tensor row) => column.eq(row.unsqueeze(0)).to(torch.ScalarType.Float32);

    private static torch.Tensor Sum(torch.Tensor values) => values.sum(torch.ScalarType.Float64).unsqueeze(0);

    private static torch.Tensor SoftPlus(torch.Tensor x) => torch.logaddexp(x, torch.zeros_like(x));

    private (torch.Tensor First, torch.Tensor Second)? Groups(NegativeWeights negatives)
    {
        if (negatives.Groups is not { } groups) return null;
        var all = torch.tensor(groups.AsSpan(0, 2 * negatives.Rows).ToArray(), device: device);
        return (all.narrow(0, 0, negatives.Rows), all.narrow(0, negatives.Rows, negatives.Rows));
    }
}
