"""Peers of the exact search, driven by FuseMix.Benchmarks.Search over stdin, one line a question.

Two peers on the same vectors: faiss IndexFlatIP, and what numpy makes of it with the same OpenBLAS (one matrix product, then
argpartition). Debian builds faiss without AVX, so that for a single query the second one is the stronger peer.

Usage: faiss_search.py FOLDER DIMENSION K. FOLDER holds rows.f32 and queries.f32. A line "batch threads repeats" is answered
with the mean milliseconds per batch of both; with 0 repeats the row numbers found for the first batch go to results.i64.
Needs libopenblas0-pthread: with the reference BLAS, which Debian installs by default, faiss is 30 times slower.
"""
import ctypes
import sys
import time

import faiss
import numpy as np

folder, d, k = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
blas = ctypes.CDLL("libopenblas.so.0")
rows = np.fromfile(f"{folder}/rows.f32", dtype=np.float32).reshape(-1, d)
queries = np.fromfile(f"{folder}/queries.f32", dtype=np.float32).reshape(-1, d)
index = faiss.IndexFlatIP(d)
index.add(rows)


def numpy_search(some):
    scores = some @ rows.T if len(some) > 1 else (rows @ some[0])[None]
    best = np.argpartition(scores, -k, axis=1)[:, -k:]
    found = np.take_along_axis(scores, best, 1)
    order = np.argsort(-found, axis=1)
    return np.take_along_axis(found, order, 1), np.take_along_axis(best, order, 1)


def timed(search, batch, repeats):
    started = time.perf_counter()
    for i in range(repeats):
        at = i * batch % (len(queries) - batch + 1)
        search(queries[at:at + batch])
    return (time.perf_counter() - started) * 1000 / repeats


for line in sys.stdin:
    if line.strip() == "ready":
        print("ready", flush=True)
        continue
    batch, threads, repeats = map(int, line.split())
    faiss.omp_set_num_threads(threads)
    blas.openblas_set_num_threads(threads)
    if repeats == 0:
        index.search(queries[:batch], k)[1].astype(np.int64).tofile(f"{folder}/results.i64")
        print("done", flush=True)
        continue
    print(timed(lambda some: index.search(some, k), batch, repeats), timed(numpy_search, batch, repeats), flush=True)
