"""The FuseMix model and recipe in PyTorch, written from the paper (arXiv 2312.10144, supplement A and B): the peer of `fusemix train`.

It trains on the latents that `fusemix extract` stored and measures recall on the test split, so that quality and speed can be compared on
the same data. Run with Debian's python3-torch:

    OPENBLAS_CORETYPE=SkylakeX /usr/bin/python3 benchmarks/peers/fusemix_torch.py --home .fusemix --seeds 3

`fusemix bench train` drives it as "fusemix_torch.py bench FOLDER THREADS": each line on standard input is a JSON object, each gets a line
of JSON back (see `bench`).
"""
import argparse
import glob
import json
import math
import os
import sys
import time

import numpy as np
import torch
from torch import nn


def read_safetensors(path):
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        data = file.read()
    dtypes = {"F16": np.float16, "F32": np.float32, "U8": np.uint8}
    return {
        name: np.frombuffer(data[slice(*entry["data_offsets"])], dtypes[entry["dtype"]]).reshape(entry["shape"])
        for name, entry in header.items()
        if name != "__metadata__"
    }


def read_latents(home, dataset, encoder):
    rows = {}
    for path in sorted(glob.glob(os.path.join(home, "latents", dataset, encoder, "*", "shard-*.json"))):
        with open(path, encoding="utf-8") as file:
            shard = read_safetensors(f"{path[:-len('.json')]}-{json.load(file)['sha256'][:16]}.safetensors")
        ids = shard["ids"].tobytes().decode("utf-8").split("\n")
        rows.update(zip(ids, shard["latents"].astype(np.float32)))
    return rows


def read_lines(home, dataset, kind):
    folder = os.path.join(home, "datasets", dataset)
    with open(os.path.join(folder, "dataset.json"), encoding="utf-8") as file:
        version = json.load(file)["version"]
    with open(os.path.join(folder, f"{kind}-{version}.jsonl"), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class CheapDropout(nn.Module):
    """Dropout whose mask costs one random byte per value: PyTorch's own is the hot spot of a step on a CPU."""

    def __init__(self, dropout):
        super().__init__()
        self.least = round(256 * dropout)
        self.rng = np.random.default_rng(1)

    def forward(self, x):
        if not self.training or self.least == 0:
            return x
        kept = np.frombuffer(self.rng.bytes(x.numel()), np.uint8).reshape(x.shape) >= self.least
        return x * torch.from_numpy(kept) * (256 / (256 - self.least))


class Block(nn.Module):
    def __init__(self, width, dropout, cheap):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        drop = CheapDropout(dropout) if cheap else nn.Dropout(dropout)
        self.body = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), drop, nn.Linear(4 * width, width))

    def forward(self, x):
        return x + self.body(self.norm(x))


def adapter(width, depth, dropout, shared, cheap):
    return nn.Sequential(*[Block(width, dropout, cheap) for _ in range(depth)], nn.LayerNorm(width), nn.Linear(width, shared))


def unit(x):
    return x / x.norm(dim=-1, keepdim=True).clamp_min(1e-12)


def recall(queries, candidates, correct):
    similarity = queries @ candidates.T
    ranks = []
    for row, right in zip(similarity, correct):
        wrong = np.ones(len(row), bool)
        wrong[list(right)] = False
        ranks.append(1 + (row[wrong] >= row[list(right)].max()).sum())
    ranks = np.array(ranks)
    return [100 * (ranks <= k).mean() for k in (1, 5, 10)]


def adamw(fx, fy, temperature, rate, decay):
    matrices = [p for f in (fx, fy) for p in f.parameters() if p.ndim == 2]
    others = [p for f in (fx, fy) for p in f.parameters() if p.ndim < 2] + [temperature]
    return torch.optim.AdamW([{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}], lr=rate, betas=(0.9, 0.999))


def update(fx, fy, temperature, optimiser, rate, a, b, target):
    for group in optimiser.param_groups:
        group["lr"] = rate
    with torch.no_grad():
        temperature.clamp_(0.001, 0.5)
    logits = unit(fx(a)) @ unit(fy(b)).T / temperature
    loss = (nn.functional.cross_entropy(logits, target) + nn.functional.cross_entropy(logits.T, target)) / 2
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss


def train(x, y, options, seed):
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    fx = adapter(x.shape[1], options.depth, options.dropout, options.shared, options.cheap_dropout)
    fy = adapter(y.shape[1], options.depth, options.dropout, options.shared, options.cheap_dropout)
    temperature = nn.Parameter(torch.tensor(0.07))
    optimiser = adamw(fx, fy, temperature, options.rate, options.decay)
    mixes = options.augmentation == "fusemix"
    drawn = options.batch * (2 if mixes else 1)
    per_epoch = max(1, len(x) // drawn)
    order, used, started = rng.permutation(len(x)), 0, time.perf_counter()
    target = torch.arange(options.batch)
    for step in range(options.steps):
        if step < per_epoch:
            rate = 1e-6 + (options.rate - 1e-6) * step / per_epoch
        else:
            rate = 1e-6 + (options.rate - 1e-6) * 0.5 * (1 + math.cos(math.pi * (step - per_epoch) / max(1, options.steps - per_epoch)))
        if used + drawn > len(order):
            order, used = rng.permutation(len(x)), 0
        rows = order[used : used + drawn]
        used += drawn
        a, b = x[rows], y[rows]
        if mixes:
            share = rng.beta(options.alpha, options.alpha)
            a = share * a[: options.batch] + (1 - share) * a[options.batch :]
            b = share * b[: options.batch] + (1 - share) * b[options.batch :]
        elif options.augmentation == "noise":
            a, b = a + 0.01 * torch.randn_like(a), b + 0.01 * torch.randn_like(b)
        loss = update(fx, fy, temperature, optimiser, rate, a, b, target)
    return fx.eval(), fy.eval(), options.steps * options.batch / (time.perf_counter() - started), loss.item()


class Contest:
    """The model of one workload of `fusemix bench train`: its latents, initial weights, batches, λ and rates come in files."""

    def __init__(self, folder, left, right, depth, shared, batch):
        read = lambda name, dtype: np.fromfile(os.path.join(folder, name), dtype=dtype)
        self.x = torch.from_numpy(read("left.f32", np.float32).reshape(-1, left))
        self.y = torch.from_numpy(read("right.f32", np.float32).reshape(-1, right))
        self.weights = [read("left-weights.f32", np.float32), read("right-weights.f32", np.float32)]
        self.batches = torch.from_numpy(read("batches.i32", np.int32).reshape(-1, 2, batch).astype(np.int64))
        self.lambdas, self.rates = read("lambdas.f64", np.float64), read("rates.f64", np.float64)
        self.models = [adapter(width, depth, 0.0, shared, False) for width in (left, right)]
        self.target = torch.arange(batch)
        self.reset()

    def reset(self):
        with torch.no_grad():
            for model, weights in zip(self.models, self.weights):
                at = 0
                for p in model.parameters():
                    p.copy_(torch.from_numpy(weights[at : at + p.numel()]).view_as(p))
                    at += p.numel()
        self.temperature = nn.Parameter(torch.tensor(0.07))
        self.optimiser = adamw(*self.models, self.temperature, 1e-4, 0.1)
        self.step = 0

    def run(self, steps, precision, dropout, cheap):
        for model in self.models:
            for block in model:
                if isinstance(block, Block):
                    block.body[2] = CheapDropout(dropout) if cheap else nn.Dropout(dropout)
        losses, started = [], time.perf_counter()
        for _ in range(steps):
            at = self.step % len(self.batches)
            first, second = self.batches[at]
            share = self.lambdas[at]
            a, b = (share * z[first] + (1 - share) * z[second] for z in (self.x, self.y))
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
                losses.append(update(*self.models, self.temperature, self.optimiser, self.rates[at], a, b, self.target).item())
            self.step += 1
        return {"seconds": time.perf_counter() - started, "losses": losses}


def bench(folder, threads):
    """Answers {"open": {left, right, depth, shared, batch}}, {"reset": {}} and {"run": {steps, precision, dropout, cheap}}."""
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    contest = None

    # With the reference BLAS, which Debian installs by default, fp32 products are 30 times slower.
    torch.ones(8, 8) @ torch.ones(8, 8)
    with open("/proc/self/maps", encoding="utf-8") as file:
        maps = file.read()
    fast = any(name in maps for name in ("openblas", "libmkl", "libblis"))
    print(json.dumps({"torch": torch.__version__, "fastBlas": fast}), flush=True)
    for line in sys.stdin:
        answer = {}
        (what, given), = json.loads(line).items()
        if what == "open":
            contest = None
            contest = Contest(folder, **given)
        elif what == "reset":
            contest.reset()
        else:
            answer = contest.run(**given)
        print(json.dumps(answer), flush=True)


def main():
    if sys.argv[1:2] == ["bench"]:
        return bench(sys.argv[2], int(sys.argv[3]))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", default=".fusemix")
    parser.add_argument("--dataset", default="emoji")
    parser.add_argument("--image", default="mobilenet-v2-mid")
    parser.add_argument("--text", default="use-lite")
    parser.add_argument("--components", type=int, default=256)
    parser.add_argument("--depth", type=int, default=2)
    parser.add_argument("--dropout", type=float, default=0.6)
    parser.add_argument("--cheap-dropout", action="store_true", help="a cheaper dropout mask than PyTorch's own")
    parser.add_argument("--shared", type=int, default=512)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--decay", type=float, default=0.1)
    parser.add_argument("--alpha", type=float, default=1.0)
    parser.add_argument("--augmentation", choices=["fusemix", "none", "noise"], default="fusemix")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    items = {item["id"]: item for item in read_lines(options.home, options.dataset, "items")}
    pairs = [(p["first"], p["second"]) for p in read_lines(options.home, options.dataset, "pairs")]
    images, texts = (read_latents(options.home, options.dataset, e) for e in (options.image, options.text))
    split = lambda part: [p for p in pairs if items[p[0]]["split"] == part and p[0] in images and p[1] in texts]
    training, test = split("train"), split("test")
    x, y = np.stack([images[a] for a, _ in training]), np.stack([texts[b] for _, b in training])
    mean = x.mean(0)
    _, _, axes = np.linalg.svd(x - mean, full_matrices=False)
    axes = axes[: options.components]
    scale = ((x - mean) @ axes.T).std()
    rotate = lambda rows: ((rows - mean) @ axes.T) / scale

    test_images, test_texts = sorted({a for a, _ in test}), sorted({b for _, b in test})
    image_at, text_at = {a: i for i, a in enumerate(test_images)}, {b: i for i, b in enumerate(test_texts)}
    text_of, image_of = [set() for _ in test_images], [set() for _ in test_texts]
    for a, b in test:
        text_of[image_at[a]].add(text_at[b])
        image_of[text_at[b]].add(image_at[a])

    means = []
    for seed in range(options.seeds):
        fx, fy, speed, loss = train(torch.from_numpy(rotate(x).astype(np.float32)), torch.from_numpy(y), options, seed)
        with torch.no_grad():
            ex = unit(fx(torch.from_numpy(rotate(np.stack([images[a] for a in test_images])).astype(np.float32)))).numpy()
            ey = unit(fy(torch.from_numpy(np.stack([texts[b] for b in test_texts])))).numpy()
        six = recall(ex, ey, text_of) + recall(ey, ex, image_of)
        means.append(np.mean(six))
        print(f"seed {seed}: {' '.join(f'{v:.1f}' for v in six)}  mean {means[-1]:.2f}  loss {loss:.3f}  {speed:.0f} pairs/s", flush=True)
    print(f"mean of {options.seeds} seeds: {np.mean(means):.2f} ± {np.std(means, ddof=1) if len(means) > 1 else 0:.2f}")


if __name__ == "__main__":
    main()
