# SPDX-License-Identifier: Apache-2.0
# Pins, blends and layers, beside the files and networks that commands make of them.
import os
import subprocess

from studio import *

atelier = sys.argv[2]


def frame(state):
    status, png, r = api('frame', {**state, 'format': 'png'})
    assert status == 200, png
    return png, json.loads(r.headers['X-Atelier'])['command']


print('-- pins')
status, pin, _ = api('pins', {'state': {'latent': {'at': [5.5, 1.25]}, 'mix': {'latent': {'seed': 9}, 'styles': '4-9'}}, 'name': 'mix'})
print(status, pin, api('pins')[1], sorted(os.listdir('kept/pins')))
mixed, _ = frame({'latent': {'at': [5.5, 1.25]}, 'mix': {'latent': {'seed': 9}, 'styles': '4-9'}})
pinned, command = frame({'latent': pin})
print('the same picture:', mixed == pinned, command)
print(api('pins', {'state': {}, 'name': '../x'})[1])

print('-- paths')
path = {'path': [{'seed': 1}, {'seed': 2}, pin], 'ease': 'linear'}
print(frame({'latent': {**path, 'position': 1}})[0] == frame({'latent': {'seed': 2}})[0],
      frame({'latent': {**path, 'position': 3}})[0] == frame({'latent': {'seed': 1}})[0],
      frame({'latent': {**path, 'position': 0.5}})[0] != frame({'latent': {'seed': 1}})[0])

print('-- two networks')
names = [n['name'] for n in api('files')[1]['networks']]
print(names)
a, b = names[0], 'fresh.safetensors'
blend = {'network': a, 'blend': {'network': b, 'alpha': 0}, 'latent': {'seed': 3}}
print(frame(blend)[0] == frame({'network': a, 'latent': {'seed': 3}})[0])
blend['blend']['alpha'] = 0.25
png, lines = frame(blend)
print(lines.replace(os.path.dirname(atelier), '').split('\n')[1])
subprocess.run([atelier, 'blend', *[n['path'] for n in api('files')[1]['networks'] if n['name'] in (a, b)][::1], '--alpha', '0.25',
                '--out', 'mixed.safetensors', '--quiet'], check=True)
subprocess.run([atelier, 'generate', '--network', 'mixed.safetensors', '--seeds', '3', '--no-record', '--quiet'], check=True,
               stdout=subprocess.DEVNULL)
print('the same picture:', png == open('out/seed0003.png', 'rb').read())
for i in range(12):  # more networks than stay open
    blend['blend']['alpha'] = i / 12
    frame(blend)
print(api('frame', {'network': a, 'blend': {'network': 'none', 'alpha': 1}})[1]['error'])

print('-- moved')
moved, command = frame({'network': 'sg3.safetensors', 'latent': {'seed': 3}, 'translate': [0.25, 0], 'rotate': 30})
still, _ = frame({'network': 'sg3.safetensors', 'latent': {'seed': 3}})
print(moved != still, command)

print('-- layers')
status, layers, _ = api('layers', {})
rows = [l for l in layers['layers'] if l['name'].startswith('synthesis.b64')]
print(status, [(l['name'], l['shape']) for l in rows], layers['ms'] > 0, sum(l['ms'] for l in layers['layers']) > 0)
for more in {}, {'channel': 3}, {'spectrum': True}, {'channel': 1, 'spectrum': True}, {'scale': 20, 'normalize': False}:
    status, png, r = api('layer', {'state': {'latent': {'seed': 4}}, 'layer': 'synthesis.b32.conv1', **more})
    facts = json.loads(r.headers['X-Atelier'])
    print(status, more, size(png), facts['shape'], facts.get('shown'))
status, png, r = api('layer', {'state': {'latent': {'seed': 4}}, 'layer': 'synthesis.b4.conv1.affine'})
print(status, size(png))
for body in {'layer': 'synthesis.*'}, {'layer': 'synthesis.b128.conv1'}, {'layer': 'synthesis.b32.conv1', 'channel': 64}, {}:
    print(*(lambda s, said, _: (s, said['error']))(*api('layer', {'state': {}, **body})))
