# SPDX-License-Identifier: Apache-2.0
# hostile.py PORT: clients that are slow, that leave, that flood the queue and that ask nonsense, all at once with one
# that asks as it should: it gets its pictures, the same as before.
import http.client
import json
import random
import socket
import sys
import threading
import time

port = int(sys.argv[1])
random.seed(1)


def frame(seed, **more):
    c = http.client.HTTPConnection('127.0.0.1', port, timeout=60)
    c.request('POST', '/api/v1/frame', json.dumps({'latent': {'seed': seed}, 'format': 'png', **more}),
              {'Content-Type': 'application/json'})
    r = c.getresponse()
    data = r.read()
    c.close()
    return r.status, data


def text(body, length=None, path='frame'):
    body = body if isinstance(body, bytes) else body.encode()
    return (f'POST /api/v1/{path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n'
            f'Content-Length: {len(body) if length is None else length}\r\n\r\n').encode() + body


def dial():
    return socket.create_connection(('127.0.0.1', port), timeout=60)


def slow(stop):  # a byte at a time
    s = dial()
    for byte in text('{"latent": {"seed": 3}}'):
        s.sendall(bytes([byte]))
        if stop.wait(0.005):
            break
    s.close()


def leaves(stop):  # within the request, while the picture is made, within the answer
    whole = text('{"latent": {"seed": 5}, "format": "png"}')
    while not stop.is_set():
        s = dial()
        s.sendall(whole[:random.randrange(1, len(whole) + 1)])
        if random.random() < 0.5:
            stop.wait(0.01)
        s.close()


def floods(stop):  # many connections, none of which waits for its answer
    open = []
    while not stop.is_set():
        s = dial()
        s.sendall(text(json.dumps({'latent': {'seed': random.randrange(1000)}})))
        open.append(s)
        if len(open) > 300:
            open.pop(0).close()
    [s.close() for s in open]


paths = ['frame', 'layer', 'layers', 'network', 'pins', 'styles', 'directions', 'sefa', 'drag', 'drag-step', 'video',
         'plan', 'train', 'project', 'run', 'run-grid']
bodies = ['', '{', '[]', 'null', '{"latent": 7}', '{"latent": {"seed": -1}}', '{"latent": {"at": [1e999, 0]}}',
          '{"psi": "x"}', '{"latent": {"pin": "../../x"}}', '{"network": "../x"}', '{"layer": "*"}', '{"a":' * 3000, '{"a": 1, "a": 2}',
          '{"latent": {"path": []}}', '{"side": 99999999}', '{"state": {"blend": {"network": "x", "alpha": 9}}}',
          '{"drag": 1, "steps": 1000000000}', '{"file": "\\u0000"}', b'\xff\xfe\x00', '{"points": [[1,2,3]]}']
wrong = []


def nonsense(stop):
    while not stop.is_set():
        body = bytearray(random.choice([b if isinstance(b, bytes) else b.encode() for b in bodies]))
        path = random.choice(paths)
        if body and random.random() < 0.5:
            body[random.randrange(len(body))] = random.randrange(256)
        s = dial()
        s.sendall(random.choice([text(bytes(body), path=path), text(bytes(body), length=5, path=path),
                                 text(bytes(body), length=0, path=path), bytes(body) + b'\r\n\r\n', b'GET /' + bytes(body)[:40] + b' HTTP/1.1\r\n\r\n']))
        s.settimeout(0.05)
        try:
            head = s.recv(64)
            if head and not head.startswith((b'HTTP/1.1 ', b'HTTP/1.0 ')):
                wrong.append(head)
        except OSError:
            pass  # it waits for the rest of a body, or has hung up
        s.close()


before = [frame(seed) for seed in (1, 2)]
stop = threading.Event()
threads = [threading.Thread(target=t, args=(stop,)) for t in [slow] * 5 + [leaves] * 2 + [floods, nonsense, nonsense]]
[t.start() for t in threads]
statuses, same = set(), True
for i in range(6):
    got = frame(1 + i % 2, client='well', panel='p')
    statuses.add(got[0])
    same = same and got in (before[i % 2], (503, got[1]))
stop.set()
[t.join() for t in threads]
assert statuses <= {200, 503}, statuses
assert same, 'other pictures'
for seed in 1, 2:
    while (got := frame(seed))[0] == 503:  # what has flooded the queue is being worked off
        time.sleep(0.1)
    assert got == before[seed - 1], (got[0], 'another picture')
assert not wrong, wrong
