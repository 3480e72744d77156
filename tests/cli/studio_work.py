# SPDX-License-Identifier: Apache-2.0
# Edits and drags beside the commands that do the same; long tasks from their start to their end, and stopped.
import os
import re
import subprocess

from studio import *

atelier = sys.argv[2]


def run(*words):
    return subprocess.run([atelier, *words, '--quiet'], check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def facts(r):
    return json.loads(r.headers['X-Atelier'])


def pixels(png):
    return b''.join(re.findall(rb'IDAT.*', png, re.S))


def wait(reply):
    status, started, _ = reply
    assert status == 200, started
    after, seen = 0, 0
    while True:
        task = api(f'tasks/{started["task"]}?after={after}')[1]
        seen += 1
        if task['phase'] in ('done', 'failed', 'stopped'):
            return task, seen
        assert task['version'] > after
        after = task['version']


print('-- edits')
status, sefa, _ = api('sefa', {})
print(status, sefa)
status, found, _ = api('directions', {'file': sefa['file']})
print(status, found['method'], len(found['directions']), found['directions'][0])
print([s['channels'] for s in api('styles', {})[1]['styles']])
edits = [{'file': sefa['file'], 'name': '1', 'strength': 3, 'layers': '0-4'}, {'style': [3, 7], 'strength': 10}]
status, png, r = api('frame', {'latent': {'seed': 5}, 'edits': edits, 'format': 'png'})
for line in facts(r)['command'].split('\n'):
    print(line)
    subprocess.run(line.replace('atelier', f'"{atelier}"', 1) + (' --pictures --no-record --quiet' if line.startswith('atelier') else ''),
                   shell=True, check=True, stdout=subprocess.DEVNULL)
made = sorted(f for f in os.listdir('out') if f.startswith('seed0005-'))
print(made)
print('the same pixels:', pixels(png) == pixels(open('out/' + made[0], 'rb').read()))
for edit in {'file': '/etc/passwd', 'strength': 1}, {'file': sefa['file'], 'name': '99', 'strength': 1}, {'style': [99, 0], 'strength': 1}:
    print(api('frame', {'edits': [edit]})[1]['error'])

print('-- drags')
status, png, r = api('drag', {'state': {'latent': {'seed': 7}}, 'points': [[33, 39, 33, 33]]})
drag = facts(r)['drag']
first = png
for i in range(3):
    status, png, r = api('drag-step', {'drag': drag})
print(status, facts(r)['step'], facts(r)['command'], png != first)
third = png
api('drag-step', {'drag': drag, 'steps': 2})
status, png, r = api('drag-undo', {'drag': drag})
print('undone:', png == third, facts(r)['step'])
pin = api('drag-pin', {'drag': drag})[1]
print(pin, api('frame', {'latent': pin})[1] == third)
run('drag', '--seed', '7', '--points', '33,39>33,33', '--steps', '3', '--save-video', '0')
print('the same picture:', pixels(api('frame', {'latent': pin, 'format': 'png'})[1]) == pixels(open('out/drag.png', 'rb').read()))
print(api('drag-step', {'drag': 99})[1]['error'])
print(api('drag', {'state': {}, 'points': []})[1]['error'], '|', api('drag', {'state': {}, 'points': [[1, 2, 3]]})[1]['error'])

print('-- photos')
portrait = api('frame', {'latent': {'seed': 12}, 'format': 'png'})[1]
print(*(lambda r, d: (r.status, json.loads(d)))(*ask('POST', '/api/v1/photos', portrait, type='image/png')))
print(*(lambda r, d: (r.status, json.loads(d)))(*ask('POST', '/api/v1/photos', b'\x89PNG' + b'x' * 50, type='image/png')))
print(*(lambda r, d: (r.status, json.loads(d)))(*ask('POST', '/api/v1/photos', b'nothing that is a picture', type='image/png')))
print(sorted(os.listdir('kept/photos')))
task, seen = wait(api('project', {'photo': 'photo-1.png', 'steps': 30, 'space': 'w+', 'loss': 'mse', 'align': False}))
print(task['phase'], task['done'], task['result'], task['command'], seen > 3, api('task-frame/' + task['id'])[0])
print(api('frame', {'latent': {'pin': task['result']['pin']}})[0])
tuned, _ = wait(api('tune', {'projection': task['result']['projection'], 'steps': 4, 'loss': 'mse'}))
print(tuned['phase'], tuned['result'], api('network', tuned['result'])[1]['kind'])
print(wait(api('project', {'photo': '../../x'}))[0]['error'])
reply = api('project', {'photo': 'photo-1.png', 'steps': 10000, 'loss': 'mse'})
api('tasks/' + reply[1]['task'] + '?after=3')
print(api('tasks/' + reply[1]['task'], method='DELETE')[0], wait(reply)[0]['phase'])

print('-- videos')
walk = {'latent': {'path': [{'seed': 1}, {'seed': 2}], 'ease': 'smooth'}}
task, _ = wait(api('video', {'state': walk, 'between': 4, 'fps': 8, 'format': 'y4m'}))
status, film, r = api('task-file/' + task['id'])
print(task['phase'], task['command'], status, r.headers['Content-Disposition'])
run('video', '--seeds', '1,2', '--trunc', '1', '--w-frames', '4', '--fps', '8', '--ease', 'smooth', '--output', 'same.y4m')
print('the same video:', film == open('same.y4m', 'rb').read())
walk['latent']['path'].append(pin)
task, _ = wait(api('video', {'state': walk, 'between': 4, 'fps': 8, 'format': 'y4m'}))
print(task['phase'], task['command'])
print(wait(api('video', {'state': {'latent': {'seed': 1}}}))[0]['error'])
print(len(api('tasks')[1]['tasks']) >= 7, api('task-file/none')[0])

print('-- trainings')
run('generate', '--seeds', '0-31', '--outdir', 'set')
small = {'data': 'set', 'kimg': 1, 'batch': 8, 'cbase': 512, 'cmax': 8, 'tick': 1}
task, _ = wait(api('plan', small))
print(task['phase'], task['command'], task['result']['text'].splitlines()[-1].split()[0])
task, _ = wait(api('plan', {**small, 'cfg': 'progan', 'lod_training_kimg': 0.1, 'lod_transition_kimg': 0.1}))
print(task['phase'], task['command'], '32 to 64' in task['result']['text'])
reply = api('train', {**small, 'kimg': 1000})
while not [r for r in api('files')[1]['runs']]:
    api(f'tasks/{reply[1]["task"]}?after=1')
print(api('train', small)[1]['error'])
api('tasks/' + reply[1]['task'], method='DELETE')
task, _ = wait(reply)
runs = api('files')[1]['runs']
print(task['phase'], [r['name'] for r in runs])
state = api('run', {'run': runs[0]['name']})[1]
print(state['grids'][-1], size(api('run-grid', {'run': runs[0]['name'], 'grid': 0})[1])[0] > 64)
print([f for f in os.listdir(state['path']) if f.startswith('network-snapshot')] != [])
print(api('plan', {'data': '../..'})[1]['error'], '|', api('plan', {**small, 'cfg': '--help'})[1]['error'])
