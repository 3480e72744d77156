#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a StyleGAN2 generator as a pickle in the official layout, to measure how long reading one takes.

    tests/official_pickle.py NETWORK.safetensors OUT.pkl

NETWORK is what `atelier init` makes.  OUT holds it three times, as G, D and G_ema with storages of their own, as
large as an official file of that size is: the program opens G_ema.  Nothing of PyTorch is needed: modules are
instances of stand-ins that are pickled by the names that the official files use.
"""
import collections
import io
import json
import pickle
import struct
import sys
import types


def stand_in(module, name):
    """A function that is pickled by these names."""
    for end in [i for i, c in enumerate(module + '.') if c == '.']:
        sys.modules.setdefault(module[:end], types.ModuleType(module[:end]))
    holder = sys.modules[module]
    function = types.FunctionType((lambda *args: None).__code__, {}, name)
    function.__module__, function.__qualname__ = module, name
    setattr(holder, name, function)
    return function


reconstruct = stand_in('torch_utils.persistence', '_reconstruct_persistent_obj')
rebuild_parameter = stand_in('torch._utils', '_rebuild_parameter')
rebuild_tensor = stand_in('torch._utils', '_rebuild_tensor_v2')
load_from_bytes = stand_in('torch.storage', '_load_from_bytes')
FloatStorage = type('FloatStorage', (), {'__module__': 'torch'})
sys.modules.setdefault('torch', types.ModuleType('torch')).FloatStorage = FloatStorage


class Call:
    """Pickled as a call of `function`."""

    def __init__(self, function, *args):
        self.function, self.args = function, args

    def __reduce__(self):
        return self.function, self.args


class StoragePickler(pickle.Pickler):
    def persistent_id(self, obj):
        return obj.id if isinstance(obj, Storage) else None


class Storage:
    def __init__(self, count):
        self.id = ('storage', FloatStorage, '0', 'cpu', count, None)


def storage_bytes(data):
    """What torch.save writes of a storage, in the format before the zip files."""
    out, count = io.BytesIO(), len(data) // 4
    for part in (0x1950a86a20f9469cfc6c, 1001,
                 {'protocol_version': 1001, 'little_endian': True, 'type_sizes': {'short': 2, 'int': 4, 'long': 4}}):
        pickle.dump(part, out, protocol=2)
    StoragePickler(out, protocol=2).dump(Storage(count))
    pickle.dump(['0'], out, protocol=2)
    out.write(struct.pack('<q', count) + data)
    return out.getvalue()


def tensor(array, parameter):
    shape, data = array
    strides, step = [], 1
    for size in reversed(shape):
        strides.insert(0, step)
        step *= size
    view = Call(rebuild_tensor, Call(load_from_bytes, storage_bytes(data)), 0, tuple(shape), tuple(strides), False,
                collections.OrderedDict())
    return Call(rebuild_parameter, view, parameter, collections.OrderedDict()) if parameter else view


def module(class_name, attributes, children, tensors, buffers):
    """tensors: the arrays of this module alone, by name."""
    state = {'training': False}
    state['_parameters'] = collections.OrderedDict((n, tensor(a, True)) for n, a in tensors.items() if n not in buffers)
    state['_buffers'] = collections.OrderedDict((n, tensor(a, False)) for n, a in tensors.items() if n in buffers)
    state['_non_persistent_buffers_set'] = set()
    for hooks in ('_backward_hooks', '_forward_hooks', '_forward_pre_hooks', '_state_dict_hooks'):
        state[hooks] = collections.OrderedDict()
    state['_modules'] = collections.OrderedDict(children)
    state.update(attributes)
    return Call(reconstruct, {'type': 'class', 'version': 6, 'module_src': '# left out\n', 'class_name': class_name,
                              'state': state})


BUFFERS = {'noise_const', 'resample_filter', 'w_avg'}


def generator(config, arrays):
    mapping, gain = config['mapping'], config['mapping']['lr_multiplier']

    def own(prefix):
        return {n[len(prefix):]: a for n, a in arrays.items() if n.startswith(prefix) and '.' not in n[len(prefix):]}

    def node(class_name, prefix, attributes, children=()):
        return module(class_name, attributes, children, own(prefix), BUFFERS)

    def has(prefix):
        return any(n.startswith(prefix) for n in arrays)

    layer = {k: config[k] for k in ('use_noise', 'activation', 'conv_clamp')}
    blocks = []
    for size in config['block_resolutions']:
        parts = []
        for name in ('conv0', 'conv1', 'torgb', 'skip'):
            prefix = f'synthesis.b{size}.{name}.'
            if has(prefix):
                affine = [('affine', node('FullyConnectedLayer', prefix + 'affine.', {'activation': 'linear'}))]
                kind = 'ToRGBLayer' if name == 'torgb' else 'SynthesisLayer'
                parts.append((name, node(kind, prefix, dict(layer), affine if name != 'skip' else ())))
        blocks.append((f'b{size}', node('SynthesisBlock', f'synthesis.b{size}.', {
            'resolution': size, 'architecture': config['architecture']}, parts)))
    sizes = {k: config[k] for k in ('w_dim', 'num_ws', 'img_resolution', 'img_channels')}
    synthesis = node('SynthesisNetwork', 'synthesis.', dict(sizes, block_resolutions=config['block_resolutions']),
                     blocks)
    names = ['embed'] + [f'fc{i}' for i in range(mapping['num_layers'])]
    layers = [(n, node('FullyConnectedLayer', f'mapping.{n}.', {
        'activation': mapping.get('activation', 'lrelu'), 'bias_gain': gain})) for n in names if has(f'mapping.{n}.')]
    maps = node('MappingNetwork', 'mapping.', {
        k: mapping[k] for k in ('z_dim', 'c_dim', 'w_dim', 'num_ws', 'num_layers', 'w_avg_beta')}, layers)
    sizes.update({k: config[k] for k in ('z_dim', 'c_dim')})
    return module('Generator', sizes, [('synthesis', synthesis), ('mapping', maps)], {}, BUFFERS)


def completed(config):
    """With what a config that describes a fresh network leaves out."""
    whole = {'resample_filter': [1, 3, 3, 1], 'activation': 'lrelu',
             'block_resolutions': [1 << i for i in range(2, config['img_resolution'].bit_length())]}
    whole.update(config)
    whole['mapping'] = {k: config[k] for k in ('z_dim', 'c_dim', 'w_dim', 'num_ws')} | config['mapping']
    return whole


def read(path):
    with open(path, 'rb') as f:
        header = json.loads(f.read(struct.unpack('<Q', f.read(8))[0]))
        data = f.read()
    networks = json.loads(header.pop('__metadata__')['atelier'])['networks']
    key = 'G_ema' if 'G_ema' in networks else next(iter(networks))
    arrays = {}
    for name, about in header.items():
        first, end = about['data_offsets']
        if name.startswith(key + '.'):
            if about['dtype'] != 'F32':
                sys.exit(f'{path}: {name} is {about["dtype"]}, not F32')
            arrays[name[len(key) + 1:]] = (about['shape'], data[first:end])
    config = completed(networks[key]['config'])
    taps = config['resample_filter']
    total = float(sum(taps)) ** 2
    fir = ([len(taps)] * 2, struct.pack(f'<{len(taps) ** 2}f', *[a * b / total for a in taps for b in taps]))
    for name in [n for n in arrays if n.endswith('.weight')]:
        layer = name[:-len('.weight')]
        if layer.endswith(('.conv0', '.conv1')):
            arrays.setdefault(layer + '.resample_filter', fir)
    for size in config['block_resolutions']:
        arrays.setdefault(f'synthesis.b{size}.resample_filter', fir)
    return config, arrays


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    config, arrays = read(sys.argv[1])
    root = {'G': generator(config, arrays), 'D': generator(config, arrays), 'G_ema': generator(config, arrays),
            'training_set_kwargs': None, 'augment_pipe': None}
    with open(sys.argv[2], 'wb') as f:
        pickle.dump(root, f, protocol=4)


main()
