# SPDX-License-Identifier: Apache-2.0
"""detector_files.py FOLDER: files of detectors in the layouts that people have, small ones: a tensor of any shape is a
view of one row of numbers, base + 0.001 times the index of its output channel.  Beside them detectors.txt says what
they are to become: "file NAME", "network KEY KIND", "param NAME BASE COUNT"; "row NAME BASE COUNT" of the largest matrices,
whose numbers go along their rows, which is read faster."""
import io
import pickle
import struct
import sys
import types
import zipfile
import zlib
from collections import OrderedDict

torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
torch.FloatStorage = type("FloatStorage", (), {"__module__": "torch"})
sys.modules.update({"torch": torch, "torch._utils": utils})


def _rebuild_tensor_v2(*args):
    raise NotImplementedError


_rebuild_tensor_v2.__module__ = "torch._utils"
utils._rebuild_tensor_v2 = _rebuild_tensor_v2


class Storage:
    def __init__(self, values):
        self.values = values


class Tensor:
    """`axis` is that of the output channels; all others repeat."""

    def __init__(self, name, shape, axis=0, value=None):
        self.base = value if value is not None else 0.001 * (zlib.crc32(name.encode()) % 1000 + 1)
        self.shape = shape
        self.strides = tuple(int(i == axis) for i in range(len(shape)))
        self.storage = Storage([self.base + 0.001 * i for i in range(shape[axis])])

    def __reduce__(self):
        return _rebuild_tensor_v2, (self.storage, 0, self.shape, self.strides, False, OrderedDict())


def write(path, root, script=False, protocol=2):
    storages, data = [], io.BytesIO()

    class Pickler(pickle.Pickler):
        def persistent_id(self, o):
            if not isinstance(o, Storage):
                return None
            if o not in storages:
                storages.append(o)
            return ("storage", torch.FloatStorage, str(storages.index(o)), "cpu", len(o.values))

    Pickler(data, protocol).dump(root)
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("archive/data.pkl", data.getvalue())
        for i, s in enumerate(storages):
            z.writestr("archive/data/%d" % i, struct.pack("<%df" % len(s.values), *s.values))
        if script:
            z.writestr("archive/code/__torch__.py", "raise SystemExit('this must not run')\n")
            z.writestr("archive/constants.pkl", b"\x80\x02).")


# ---- objects of classes that nobody has

def module(name):
    holder = sys.modules.setdefault("__torch__", types.ModuleType("__torch__"))
    if not hasattr(holder, name):
        setattr(holder, name, type(name, (), {"__module__": "__torch__"}))
    return getattr(holder, name)


def script(tensors):
    """Nested objects whose attributes are tensors and further objects."""
    root = module("Root")()
    root.training = False
    for name, t in tensors.items():
        at, parts = root, name.split(".")
        for part in parts[:-1]:
            if not hasattr(at, part):
                setattr(at, part, module("Part")())
            at = getattr(at, part)
        setattr(at, parts[-1], t)
    return root


def pickled(tensors):
    """The same as modules."""
    def new():
        m = module("Module")()
        m._parameters, m._buffers, m._modules = OrderedDict(), OrderedDict(), OrderedDict()
        return m

    root = new()
    for name, t in tensors.items():
        at, parts = root, name.split(".")
        for part in parts[:-1]:
            at = at._modules.setdefault(part, new())
        at._parameters[parts[-1]] = t
    return root


def tensorflow(tensors):
    net = module("Network")()
    net.version, net.name, net.static_kwargs = 4, "detector", {}
    net.variables = list(tensors.items())
    net.components, net.build_module_src, net.build_func_name = {}, "raise SystemExit('this must not run')", "detector"
    return net


# ---- Inception: the two names of each layer, and its shape

def block_a(i, pool):
    return [("branch1x1", "conv", i, 64, 1, 1), ("branch5x5_1", "tower.conv", i, 48, 1, 1),
            ("branch5x5_2", "tower.conv_1", 48, 64, 5, 5), ("branch3x3dbl_1", "tower_1.conv", i, 64, 1, 1),
            ("branch3x3dbl_2", "tower_1.conv_1", 64, 96, 3, 3), ("branch3x3dbl_3", "tower_1.conv_2", 96, 96, 3, 3),
            ("branch_pool", "tower_2.conv", i, pool, 1, 1)]


def block_c(c):
    return [("branch1x1", "conv", 768, 192, 1, 1), ("branch7x7_1", "tower.conv", 768, c, 1, 1),
            ("branch7x7_2", "tower.conv_1", c, c, 1, 7), ("branch7x7_3", "tower.conv_2", c, 192, 7, 1),
            ("branch7x7dbl_1", "tower_1.conv", 768, c, 1, 1), ("branch7x7dbl_2", "tower_1.conv_1", c, c, 7, 1),
            ("branch7x7dbl_3", "tower_1.conv_2", c, c, 1, 7), ("branch7x7dbl_4", "tower_1.conv_3", c, c, 7, 1),
            ("branch7x7dbl_5", "tower_1.conv_4", c, 192, 1, 7), ("branch_pool", "tower_2.conv", 768, 192, 1, 1)]


def block_e(i):
    return [("branch1x1", "conv", i, 320, 1, 1), ("branch3x3_1", "tower_conv", i, 384, 1, 1),
            ("branch3x3_2a", "tower_mixed_conv", 384, 384, 1, 3),
            ("branch3x3_2b", "tower_mixed_conv_1", 384, 384, 3, 1), ("branch3x3dbl_1", "tower_1_conv", i, 448, 1, 1),
            ("branch3x3dbl_2", "tower_1_conv_1", 448, 384, 3, 3),
            ("branch3x3dbl_3a", "tower_1_mixed_conv", 384, 384, 1, 3),
            ("branch3x3dbl_3b", "tower_1_mixed_conv_1", 384, 384, 3, 1),
            ("branch_pool", "tower_2_conv", i, 192, 1, 1)]


BLOCKS = [
    ("Mixed_5b", "mixed", block_a(192, 32)), ("Mixed_5c", "mixed_1", block_a(256, 64)),
    ("Mixed_5d", "mixed_2", block_a(288, 64)),
    ("Mixed_6a", "mixed_3", [("branch3x3", "conv", 288, 384, 3, 3), ("branch3x3dbl_1", "tower.conv", 288, 64, 1, 1),
                             ("branch3x3dbl_2", "tower.conv_1", 64, 96, 3, 3),
                             ("branch3x3dbl_3", "tower.conv_2", 96, 96, 3, 3)]),
    ("Mixed_6b", "mixed_4", block_c(128)), ("Mixed_6c", "mixed_5", block_c(160)),
    ("Mixed_6d", "mixed_6", block_c(160)), ("Mixed_6e", "mixed_7", block_c(192)),
    ("Mixed_7a", "mixed_8", [("branch3x3_1", "tower.conv", 768, 192, 1, 1),
                             ("branch3x3_2", "tower.conv_1", 192, 320, 3, 3),
                             ("branch7x7x3_1", "tower_1.conv", 768, 192, 1, 1),
                             ("branch7x7x3_2", "tower_1.conv_1", 192, 192, 1, 7),
                             ("branch7x7x3_3", "tower_1.conv_2", 192, 192, 7, 1),
                             ("branch7x7x3_4", "tower_1.conv_3", 192, 192, 3, 3)]),
    ("Mixed_7b", "mixed_9", block_e(1280)), ("Mixed_7c", "mixed_10", block_e(2048))]
UNITS = [("Conv2d_1a_3x3", "conv", 3, 32, 3, 3), ("Conv2d_2a_3x3", "conv_1", 32, 32, 3, 3),
         ("Conv2d_2b_3x3", "conv_2", 32, 64, 3, 3), ("Conv2d_3b_1x1", "conv_3", 64, 80, 1, 1),
         ("Conv2d_4a_3x3", "conv_4", 80, 192, 3, 3)]
UNITS += [(a + "." + u, b + "." + v, *shape) for a, b, units in BLOCKS for u, v, *shape in units]


def inception(naming, classes=1008):
    """Tensors by their names in the file, and the same by ours."""
    file, ours = OrderedDict(), OrderedDict()

    def put(theirs, name, tensor):
        file[theirs] = ours[name] = tensor

    for port, graph, i, o, kh, kw in UNITS:
        if naming == "port":
            put(port + ".conv.weight", port + ".conv.weight", Tensor(port, (o, i, kh, kw)))
            leaves = (("bn.weight",) * 2, ("bn.bias",) * 2, ("bn.running_mean",) * 2, ("bn.running_var",) * 2)
            unit = port + "."
        elif naming == "script":
            unit = "layers." + graph + "."
            put(unit + "weight", port + ".conv.weight", Tensor(port, (o, i, kh, kw)))
            leaves = (("beta", "bn.bias"), ("mean", "bn.running_mean"), ("var", "bn.running_var"))
        else:
            unit = graph.replace(".", "/") + "/"
            put(unit + "conv2d_params", port + ".conv.weight", Tensor(port, (kh, kw, i, o), 3))
            leaves = (("batchnorm/beta", "bn.bias"), ("batchnorm/moving_mean", "bn.running_mean"),
                      ("batchnorm/moving_variance", "bn.running_var"))
        for theirs, leaf in leaves:
            put(unit + theirs, port + "." + leaf, Tensor(port + leaf, (o,)))
        if naming == "port":
            file[unit + "bn.num_batches_tracked"] = 0
    if naming == "graph":
        put("softmax/weights", "fc.weight", Tensor("fc", (2048, classes), 1))
        put("softmax/biases", "fc.bias", Tensor("fcb", (classes,)))
    else:
        head = "fc." if naming == "port" else "output."
        put(head + "weight", "fc.weight", Tensor("fc", (classes, 2048)))
        put(head + "bias", "fc.bias", Tensor("fcb", (classes,)))
    return file, ours


# ---- VGG16 and the others

VGG = [(0, 3, 64), (2, 64, 64), (5, 64, 128), (7, 128, 128), (10, 128, 256), (12, 256, 256), (14, 256, 256),
       (17, 256, 512), (19, 512, 512), (21, 512, 512), (24, 512, 512), (26, 512, 512), (28, 512, 512)]
VGG_NAMES = "1_1 1_2 2_1 2_2 3_1 3_2 3_3 4_1 4_2 4_3 5_1 5_2 5_3".split()
DENSE = [(0, 25088, 4096), (3, 4096, 4096), (6, 4096, 1000)]
SLICE = {"vgg": [0, 4, 9, 16, 23, 30], "alex": [0, 2, 5, 8, 10, 12], "squeeze": [0, 2, 5, 8, 10, 11, 12, 13]}
CHANNELS = {"vgg": [64, 128, 256, 512, 512], "alex": [64, 192, 384, 256, 256],
            "squeeze": [64, 128, 256, 384, 384, 512, 512]}


def fire(at, i, narrow, wide):
    return [("%d.squeeze" % at, i, narrow, 1), ("%d.expand1x1" % at, narrow, wide, 1),
            ("%d.expand3x3" % at, narrow, wide, 3)]


LAYERS = {"vgg": [(str(at), i, o, 3) for at, i, o in VGG],
          "alex": [("0", 3, 64, 11), ("3", 64, 192, 5), ("6", 192, 384, 3), ("8", 384, 256, 3), ("10", 256, 256, 3)],
          "squeeze": [("0", 3, 64, 3)] + fire(3, 64, 16, 64) + fire(4, 128, 16, 64) + fire(6, 128, 32, 128) +
          fire(7, 256, 32, 128) + fire(9, 256, 48, 192) + fire(10, 384, 48, 192) + fire(11, 384, 64, 256) +
          fire(12, 512, 64, 256)}


def slice_of(net, layer):
    at = int(layer.split(".")[0])
    return max(k for k in range(len(SLICE[net])) if at >= SLICE[net][k]) + 1


def trunk(net, naming):
    file, ours = OrderedDict(), OrderedDict()
    for n, (layer, i, o, k) in enumerate(LAYERS[net]):
        name = {"torchvision": "features." + layer, "layers": "net.layers." + layer,
                "slices": "net.slice%d.%s" % (slice_of(net, layer), layer), "order": "layers.conv%d" % (n + 1),
                "graph": "vgg16/conv" + VGG_NAMES[min(n, 12)]}[naming]
        tf = naming == "graph"
        weight = Tensor(net + layer, (k, k, i, o) if tf else (o, i, k, k), 3 if tf else 0)
        bias = Tensor(net + layer + "b", (o,))
        separator = "/" if tf else "."
        file[name + separator + "weight"] = ours["features." + layer + ".weight"] = weight
        file[name + separator + "bias"] = ours["features." + layer + ".bias"] = bias
    return file, ours


def classifier(naming):
    file, ours = OrderedDict(), OrderedDict()
    for n, (at, i, o) in enumerate(DENSE):
        name = "classifier.%d" % at if naming == "torchvision" else "layers.fc%d" % (n + 1)
        for leaf, shape, axis in (("weight", (o, i), 1), ("bias", (o,), 0)):
            tensor = Tensor("fc%d" % at + leaf, shape, axis)
            file["%s.%s" % (name, leaf)] = ours["classifier.%d.%s" % (at, leaf)] = tensor
    return file, ours


def heads(net, pattern, shape=lambda c: (1, c, 1, 1), axis=1):
    file, ours = OrderedDict(), OrderedDict()
    for k, c in enumerate(CHANNELS[net]):
        file[pattern % k] = ours["lin%d.model.1.weight" % k] = Tensor("%s lin%d" % (net, k), shape(c), axis)
    return file, ours


# ---- a classifier of faces, at 16x16

def faces(statistics=0):
    file = OrderedDict()

    def put(name, shape, axis, bias):
        file[name + "/weight"], file[name + "/bias"] = Tensor(name, shape, axis), Tensor(name + "b", (bias,))

    put("FromRGB_lod0", (1, 1, 3, 8), 3, 8)
    for r in (16, 8):
        put("%dx%d/Conv0" % (r, r), (3, 3, 8, 8), 3, 8)
        put("%dx%d/Conv1_down" % (r, r), (3, 3, 8, 8), 3, 8)
    put("4x4/Conv", (3, 3, 8 + statistics, 8), 3, 8)
    put("4x4/Dense0", (128, 8), 1, 8)
    put("4x4/Dense1", (8, 1), 1, 1)
    return tensorflow(file)


# ---- residual networks

def resnet(block, units, width, stem, classes, cifar=False):
    """By torchvision's names, or those of the small form."""
    file, ours = OrderedDict(), OrderedDict()

    def put(scope, conv, norm, o, i, k):
        theirs = scope.replace("downsample", "shortcut") if cifar else scope
        for name, shape in [(conv + ".weight", (o, i, k, k))] + [
                ("%s.%s" % (norm, leaf), (o,)) for leaf in ("weight", "bias", "running_mean", "running_var")]:
            file[theirs + name] = ours[scope + name] = Tensor(scope + name, shape)
        file[theirs + norm + ".num_batches_tracked"] = 0

    put("", "conv1", "bn1", width, 3, stem)
    i = width
    for s, count in enumerate(units):
        c = width << s
        for u in range(count):
            scope, o = "layer%d.%d." % (s + 1, u), c * 4 if block == "bottleneck" else c
            if block == "bottleneck":
                put(scope, "conv1", "bn1", c, i, 1), put(scope, "conv2", "bn2", c, c, 3), put(scope, "conv3", "bn3", o, c, 1)
            else:
                put(scope, "conv1", "bn1", c, i, 3), put(scope, "conv2", "bn2", c, c, 3)
            if i != o or (s and not u):
                put(scope + "downsample.", "0", "1", o, i, 1)
            i = o
    for leaf, shape in (("weight", (classes, i)), ("bias", (classes,))):
        if classes:
            file[("linear." if cifar else "fc.") + leaf] = ours["fc." + leaf] = Tensor("fc" + leaf, shape)
    return file, ours


def prefixed(prefix, file):
    return OrderedDict((prefix + n, t) for n, t in file.items())


# ---- files

def main(folder):
    lines = []

    def put(name, root, networks, **how):
        write("%s/%s" % (folder, name), root, **how)
        lines.append("file " + name)
        for key, kind, ours in networks:
            lines.append("network %s %s" % (key, kind))
            for n, t in ours.items():
                row = n.startswith("classifier") and len(t.shape) == 2
                lines.append("%s %s %.9g %d" % ("row" if row else "param", n, t.base, len(t.storage.values)))

    file, ours = inception("script")
    put("inception.pt", script(file), [("inception", "inception_v3", ours)], script=True)
    put("inception_module.pt", pickled(file), [("inception", "inception_v3", ours)])
    file, ours = inception("port")
    put("inception.pth", file, [("inception", "inception_v3", ours)])
    file, ours = inception("graph")
    put("inception_tf.pt", tensorflow(file), [("inception", "inception_v3", ours)], protocol=4)
    del file["softmax/weights"], file["softmax/biases"], ours["fc.weight"], ours["fc.bias"]
    put("inception_features.pt", tensorflow(file), [("inception", "inception_v3", ours)], protocol=4)

    file, ours = trunk("vgg", "torchvision")
    file2, ours2 = classifier("torchvision")
    put("vgg16.pth", {**file, **file2}, [("vgg16", "vgg16", {**ours, **ours2})])
    file, ours = trunk("vgg", "order")
    file2, ours2 = classifier("order")
    file3, ours3 = heads("vgg", "lpips%d", lambda c: (c,), 0)
    put("vgg16.pt", script({**file3, **file, **file2}),
        [("vgg16", "vgg16", {**ours, **ours2}), ("lpips", "lpips", {**ours, **ours3})], script=True)
    file, ours = trunk("vgg", "graph")
    file2, ours2 = heads("vgg", "lin%d/weight", lambda c: (1, 1, c, 1), 2)
    put("vgg16_perceptual.pt", tensorflow({**file, **file2}),
        [("vgg16", "vgg16", ours), ("lpips", "lpips", {**ours, **ours2})])
    for net, key in (("alex", "alexnet"), ("squeeze", "squeezenet")):
        file, ours = trunk(net, "torchvision")
        file["classifier.1.weight"] = Tensor("c", (1000, 512, 1, 1))
        put(key + ".pth", file, [(key, key, ours)])
        file, ours = trunk(net, "layers")
        file2, ours2 = heads(net, "lin.%d.1.weight")
        put("lpips_%s_layers.pt" % net, {"state_dict": {**file, **file2}},
            [(key, key, ours), ("lpips", "lpips", {**ours, **ours2})])
    for net in CHANNELS:
        file, ours = heads(net, "lin%d.model.1.weight")
        put("heads_%s.pth" % net, file, [("heads", "lpips_heads", ours)])
        file, ours = trunk(net, "slices")
        file2, ours2 = heads(net, "lin%d.model.1.weight")
        twice = {n.replace("lin", "lins.", 1): t for n, t in file2.items()}
        key = {"vgg": "vgg16", "alex": "alexnet", "squeeze": "squeezenet"}[net]
        put("lpips_%s.pth" % net, {**file, **file2, **twice},
            [(key, key, ours), ("lpips", "lpips", {**ours, **ours2})])

    file, ours = resnet("basic", (2, 2, 2, 2), 64, 7, 1000)
    put("resnet18.pth", file, [("resnet", "resnet", ours)])
    put("resnet18_epoch.pth", {"epoch": 3, "state_dict": prefixed("module.", file)}, [("resnet", "resnet", ours)])
    file, ours = resnet("bottleneck", (3, 4, 6, 3), 64, 7, 0)
    put("moco.pth", {"state_dict": {**prefixed("module.encoder_q.", file), **prefixed("module.encoder_k.", file),
                                    "module.queue": Tensor("queue", (128, 64))}}, [("resnet", "resnet", ours)])
    file, ours = resnet("basic", (2, 2, 2, 2), 64, 3, 10, cifar=True)
    put("resnet_cifar.pth", {"net": prefixed("module.", file), "acc": 95.0}, [("resnet", "resnet", ours)])

    write(folder + "/classifier.pt", faces(), protocol=4)

    # what is none of these, or damaged
    file, _ = inception("port", 1000)
    write(folder + "/inception_1000.pth", file)
    file, _ = inception("port")
    file["Mixed_6b.branch7x7_2.bn.bias"] = Tensor("nan", (128,), value=float("nan"))
    write(folder + "/inception_nan.pth", file)
    file, _ = inception("port")
    del file["Mixed_6b.branch7x7_2.bn.bias"]
    write(folder + "/inception_less.pth", file)
    file, _ = resnet("basic", (2, 2, 2, 2), 64, 7, 10)
    del file["layer3.1.bn2.running_var"]
    write(folder + "/resnet_less.pth", file)
    file, _ = trunk("vgg", "order")
    del file["layers.conv7.weight"]
    write(folder + "/script.pt", script(file), script=True)
    write(folder + "/classifier_mbstd.pt", faces(1), protocol=4)
    file, _ = heads("alex", "lin%d.model.1.weight")
    file["lin2.model.1.weight"] = Tensor("negative", (1, 384, 1, 1), 1, value=-1.0)
    write(folder + "/heads_negative.pth", file)
    with open(folder + "/detectors.txt", "w") as f:
        f.write("\n".join(lines) + "\n")


main(sys.argv[1])
