# SPDX-License-Identifier: Apache-2.0
# The studio's pictures beside those of commands, and what it refuses.
import re
import subprocess
import threading

from studio import *

atelier = sys.argv[2]
r, page = ask('GET', '/')
print(r.status, r.headers['Content-Type'], 'Content-Security-Policy' in r.headers)
weight, seen, todo = 0, set(), ['/']
while todo:  # all that the page loads
    path = todo.pop()
    if path in seen:
        continue
    seen.add(path)
    r, data = ask('GET', path)
    assert r.status == 200, path
    weight += len(data)
    todo += re.findall(r'(?:src|href)="(/[^"]+)"', data.decode())
    todo += ['/' + m for m in re.findall(r"from '\./([^']+)'", data.decode())]
    assert not re.search(r'https?://(?!www\.w3\.org)', data.decode()), path
print('the page has at most 400 kB:', weight <= 400000)

status, about, _ = api('about')
print(status, about['api'])
status, net, _ = api('network', {})
print(status, net['kind'], net['num_ws'], net['width'], net['height'])


def same(state, command, name):
    status, png, r = api('frame', {**state, 'format': 'png', 'record': True})
    told = json.loads(r.headers['X-Atelier'])['command'] if status == 200 else png
    subprocess.run([atelier, *command, '--quiet'], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    made = open('out/' + name, 'rb').read()
    pixels = [b''.join(re.findall(rb'IDAT.*', x, re.S)) for x in (png, made)]
    print(told, '->', status, 'the same pixels' if pixels[0] == pixels[1] and pixels[0] else 'OTHER PIXELS')
    return png


same({'latent': {'seed': 85}, 'psi': 0.7}, ['generate', '--seeds', '85', '--trunc', '0.7'], 'seed0085.png')
same({'latent': {'at': [3.25, 0.5]}}, ['generate', '--at', '3.25,0.5'], 'at3.25,0.5.png')
same({'latent': {'seed': 3}, 'noise': 'random', 'noise_seed': 9},
     ['generate', '--seeds', '3', '--noise-mode', 'random', '--noise-seed', '9'], 'seed0003.png')
same({'latent': {'seed': 4}, 'mix': {'latent': {'seed': 9}, 'styles': '0-3'}},
     ['mix', '--rows', '4', '--cols', '9', '--styles', '0-3'], '4-9.png')
same({'network': 'classes.safetensors', 'latent': {'seed': 7}, 'class': 'mix:0:0.25,2:0.75'},
     ['generate', '--network', 'classes.safetensors', '--seeds', '7', '--class', '0:0.25,2:0.75'], 'seed0007.png')
open('kept.png', 'wb').write(api('frame', {'latent': {'at': [3.25, 0.5]}, 'format': 'png', 'record': True})[1])
subprocess.run([atelier, 'replay', 'kept.png', '--output', 'again.png', '--quiet'], check=True, stdout=subprocess.DEVNULL)
print('replayed:', open('again.png', 'rb').read() == open('kept.png', 'rb').read())
print(size(api('frame', {'side': 32, 'format': 'png'})[1]))
for kind, begins in ('jpg', b'\xff\xd8'), ('png', b'\x89PNG'), ('webp', b'RIFF'):
    status, data, r = api('frame', {'format': kind})
    print(status, r.headers['Content-Type'], data.startswith(begins))

print('-- refused')
for path, body in [('frame', {'what': 1}), ('frame', {'network': '../../etc/passwd'}), ('frame', {'latent': {'pin': '../x'}}),
                   ('frame', {'latent': {'pin': 'x'}}), ('frame', '[1]'), ('frame', '{"a":'), ('frame', b'\xff\xfe'),
                   ('nothing', {}), ('frame', {'mix': {'latent': {'seed': 1}, 'styles': '0-99'}}),
                   ('frame', {'network': 'classes.safetensors', 'class': 'labels.npy'}),
                   ('frame', {'network': 'classes.safetensors', 'class': 'mix:0:0.5,3:0.5'}),
                   ('frame', {'network': 'classes.safetensors', 'class': 3})]:
    status, said, _ = api(path, body)
    print(status, said['error'])
print(*[api(path)[0] for path in ('frame', 'tasks/none', 'tasks/../about', 'about/', '%2e%2e/about')])
print(ask('POST', '/api/v1/frame', '{}', type='text/plain')[0].status)
print(api('frame', {}, Origin='http://evil.example')[0], api('frame', {}, Sec_Fetch_Site='cross-site')[0],
      api('frame', {}, Origin='http://' + own)[0], api('about', Host='evil.example')[0])
print(ask('POST', '/api/v1/frame', b' ' * 300000)[0].status)
print(raw(b'nonsense\r\n\r\n').split(b'\r\n')[0][:12], raw(b'GET / HTTP/1.1\r\n\r\n').split(b'\r\n')[0],
      len(raw(b'GET /' + b'a' * 60000 + b' HTTP/1.1\r\nHost: x\r\n\r\n')) < 1000)

print('-- the newest wins, and a flood is bounded')
answers = []


def flood(i):
    answers.append(api('frame', {'client': 'one', 'panel': 'p', 'latent': {'seed': i}})[0])


threads = [threading.Thread(target=flood, args=(i,)) for i in range(60)]
[t.start() for t in threads]
[t.join() for t in threads]
print(set(answers) <= {200, 409, 503}, 200 in answers, len(answers))
# bodies that never end and connections that say nothing leave others alone
idle = [socket.create_connection(('127.0.0.1', port)) for _ in range(100)]
for s in idle[:50]:
    s.sendall(b'POST /api/v1/frame HTTP/1.1\r\nHost: ' + own.encode() + b'\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{')
print(api('frame', {})[0])
[s.close() for s in idle]
print(api('frame', {})[0])
