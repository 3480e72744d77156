#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes Inception as an ONNX file, to measure how fast other programs compute the same features.

    bench/inception_onnx.py NETWORK.safetensors OUT.onnx [BATCH]
    node bench/onnx_time.js OUT.onnx [THREADS [RUNS]]

NETWORK is what `atelier init --cfg inception` makes.  Batch norms are folded into the convolutions, as every program
that optimises its graph does.  "img" [BATCH, 3, 299, 299] of (x - 128) / 128 -> "features" [BATCH, 2048].  ONNX is
protobuf; what is needed of both is written by hand here.
"""
import array
import json
import struct
import sys

EPSILON = 1e-3


# ---- protobuf

def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def number(field, n):
    return varint(field << 3) + varint(n)


def some(field, data):
    data = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(data)) + data


def attribute(name, value):
    if isinstance(value, int):
        return some(5, some(1, name) + number(3, value) + number(20, 2))
    return some(5, some(1, name) + b"".join(number(8, v) for v in value) + number(20, 7))


def described(field, name, shape):
    dims = b"".join(some(1, number(1, d)) for d in shape)
    return some(field, some(1, name) + some(2, some(1, number(1, 1) + some(2, dims))))


# ---- the graph

class Graph:
    def __init__(self, path):
        with open(path, "rb") as f:
            size, = struct.unpack("<Q", f.read(8))
            header = json.loads(f.read(size))
            data = f.read()
        self.tensors = {}
        for name, t in header.items():
            if name != "__metadata__":
                begin, end = t["data_offsets"]
                self.tensors[name.split(".", 1)[1]] = (t["shape"], array.array("f", data[begin:end]))
        self.nodes, self.weights, self.count = [], [], 0

    def node(self, op, inputs, **attributes):
        self.count += 1
        out = "t%d" % self.count
        self.nodes.append(some(1, b"".join(some(1, i) for i in inputs) + some(2, out) + some(4, op) +
                               b"".join(attribute(k, v) for k, v in attributes.items())))
        return out

    def weight(self, name, shape, values):
        self.weights.append(some(5, b"".join(number(1, d) for d in shape) + number(2, 1) + some(8, name) +
                                 some(9, values.tobytes())))
        return name

    def unit(self, x, name, kernel=1, stride=1, pad=None):
        """Convolution, batch norm, ReLU."""
        kh, kw = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        ph, pw = (kh // 2, kw // 2) if pad is None else (pad, pad)
        shape, w = self.tensors[name + ".conv.weight"]
        part = {k: self.tensors[name + ".bn." + k][1] for k in ("weight", "bias", "running_mean", "running_var")}
        each, scaled, bias = len(w) // shape[0], array.array("f"), array.array("f")
        for o in range(shape[0]):
            factor = part["weight"][o] / (part["running_var"][o] + EPSILON) ** 0.5
            scaled.extend(v * factor for v in w[o * each:(o + 1) * each])
            bias.append(part["bias"][o] - part["running_mean"][o] * factor)
        inputs = [x, self.weight(name + ".w", shape, scaled), self.weight(name + ".b", shape[:1], bias)]
        return self.node("Relu", [self.node("Conv", inputs, kernel_shape=[kh, kw], strides=[stride, stride],
                                            pads=[ph, pw, ph, pw])])

    def pool(self, op, x, stride, pad):
        more = {"count_include_pad": 0} if op == "AveragePool" else {}
        return self.node(op, [x], kernel_shape=[3, 3], strides=[stride, stride], pads=[pad] * 4, **more)

    def join(self, parts):
        return self.node("Concat", parts, axis=1)


def block_a(g, x, n):
    a, b = g.unit(x, n + ".branch1x1"), g.unit(g.unit(x, n + ".branch5x5_1"), n + ".branch5x5_2", 5)
    c = g.unit(g.unit(x, n + ".branch3x3dbl_1"), n + ".branch3x3dbl_2", 3)
    d = g.unit(g.pool("AveragePool", x, 1, 1), n + ".branch_pool")
    return g.join([a, b, g.unit(c, n + ".branch3x3dbl_3", 3), d])


def block_b(g, x, n):
    c = g.unit(g.unit(x, n + ".branch3x3dbl_1"), n + ".branch3x3dbl_2", 3)
    return g.join([g.unit(x, n + ".branch3x3", 3, 2, 0), g.unit(c, n + ".branch3x3dbl_3", 3, 2, 0),
                   g.pool("MaxPool", x, 2, 0)])


def block_c(g, x, n):
    b = g.unit(g.unit(x, n + ".branch7x7_1"), n + ".branch7x7_2", (1, 7))
    d = g.unit(x, n + ".branch7x7dbl_1")
    for i in range(2, 6):
        d = g.unit(d, "%s.branch7x7dbl_%d" % (n, i), (7, 1) if i % 2 == 0 else (1, 7))
    return g.join([g.unit(x, n + ".branch1x1"), g.unit(b, n + ".branch7x7_3", (7, 1)), d,
                   g.unit(g.pool("AveragePool", x, 1, 1), n + ".branch_pool")])


def block_d(g, x, n):
    b = g.unit(g.unit(x, n + ".branch7x7x3_1"), n + ".branch7x7x3_2", (1, 7))
    b = g.unit(g.unit(b, n + ".branch7x7x3_3", (7, 1)), n + ".branch7x7x3_4", 3, 2, 0)
    return g.join([g.unit(g.unit(x, n + ".branch3x3_1"), n + ".branch3x3_2", 3, 2, 0), b, g.pool("MaxPool", x, 2, 0)])


def block_e(g, x, n, pool):
    b = g.unit(x, n + ".branch3x3_1")
    c = g.unit(g.unit(x, n + ".branch3x3dbl_1"), n + ".branch3x3dbl_2", 3)
    return g.join([g.unit(x, n + ".branch1x1"),
                   g.unit(b, n + ".branch3x3_2a", (1, 3)), g.unit(b, n + ".branch3x3_2b", (3, 1)),
                   g.unit(c, n + ".branch3x3dbl_3a", (1, 3)), g.unit(c, n + ".branch3x3dbl_3b", (3, 1)),
                   g.unit(g.pool(pool, x, 1, 1), n + ".branch_pool")])


def inception(g):
    x = g.unit(g.unit("img", "Conv2d_1a_3x3", 3, 2, 0), "Conv2d_2a_3x3", 3, 1, 0)
    x = g.pool("MaxPool", g.unit(x, "Conv2d_2b_3x3", 3), 2, 0)
    x = g.pool("MaxPool", g.unit(g.unit(x, "Conv2d_3b_1x1"), "Conv2d_4a_3x3", 3, 1, 0), 2, 0)
    for name in ("Mixed_5b", "Mixed_5c", "Mixed_5d"):
        x = block_a(g, x, name)
    x = block_b(g, x, "Mixed_6a")
    for name in ("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"):
        x = block_c(g, x, name)
    x = block_e(g, block_d(g, x, "Mixed_7a"), "Mixed_7b", "AveragePool")
    x = g.node("GlobalAveragePool", [block_e(g, x, "Mixed_7c", "MaxPool")])
    return g.node("Flatten", [x], axis=1)


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    batch = int(sys.argv[3]) if len(sys.argv) > 3 else 8
    g = Graph(sys.argv[1])
    last = inception(g)
    g.nodes.append(some(1, some(1, last) + some(2, "features") + some(4, "Identity")))
    graph = (b"".join(g.nodes) + some(2, "inception") + b"".join(g.weights) +
             described(11, "img", (batch, 3, 299, 299)) + described(12, "features", (batch, 2048)))
    with open(sys.argv[2], "wb") as f:
        f.write(number(1, 8) + some(7, graph) + some(8, some(1, "") + number(2, 13)))


if __name__ == "__main__":
    main()
