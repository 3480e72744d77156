// SPDX-License-Identifier: Apache-2.0
// Train: the plan comes first and writes nothing; then a run begins, is looked at, is stopped and could go on.
// The networks are tiny: a plan measures each phase of them, which at full widths takes longer than this test may.
import {assert, fs, go, path, run, says, structure, test} from './studio.mjs';

const prepare = folder => {
  run('atelier generate --seeds 0-15 --outdir pictures --quiet\n' +
    'atelier dataset --source pictures --dest set.zip --resolution 16x16 --quiet', folder);
  return ['set.zip'];
};

const phase = (page, word) => page.waitForFunction(
  word => document.querySelector('.task').dataset.phase === word, word);
const option = (page, name) => page.locator('.control',
  {has: page.locator('code', {hasText: new RegExp(`^${name}$`)})});
const fill = async (page, name, value) => {
  const input = option(page, name).locator('input');
  await input.fill(String(value));
  await input.dispatchEvent('change');
};
const starters = page => page.locator('.side .row button:not(.stop)');
const planned = async (page, pattern) => {
  await page.getByRole('button', {name: 'Plan'}).click();
  await phase(page, 'done');
  const text = await page.textContent('.plan');
  assert.match(text, /^data .*16 pictures and their mirror images of 16x16/);
  assert.match(text, /^memory +\d+ MB.*\ntime +\S+ s per kimg.*\n$/m);
  assert.match(text, pattern);
};

await test('train', {prepare}, async ({page, studio, folder}) => {
  const runs = path.join(folder, 'studio/runs');
  await go(page, studio, 'train?kimg=1&batch=4&cbase=512&cmax=8');
  assert.match(await page.textContent('.stage'), /No runs yet/);
  assert.equal(await option(page, '--lod-training-kimg').isVisible(), false);
  await planned(page, /cfg auto, batch 4 /);
  await says(page, /^atelier train --data set\.zip --dry-run --kimg 1 --batch 4 --cbase 512 --cmax 8 --cfg auto/);

  // networks that grow say when; an empty field is what the program takes
  await option(page, '--cfg').locator('select').selectOption('progan');
  await fill(page, '--lod-training-kimg', 0.2);
  await fill(page, '--lod-transition-kimg', 0.2);
  await planned(page, /cfg progan, .*augmentation none\n +from kimg[^]* 8 to 16 /);
  await option(page, '--cfg').locator('select').selectOption('stylegan1');
  await fill(page, '--batch', '');
  await planned(page, /cfg stylegan1, .*\n +from kimg/);
  await says(page, /--dry-run --kimg 1 --cbase 512 .*--lod-training-kimg 0\.2 --lod-transition-kimg 0\.2 --cfg/);
  assert.equal(fs.existsSync(runs), false, 'a plan writes nothing');

  await option(page, '--cfg').locator('select').selectOption('auto');
  await fill(page, '--kimg', 2000);
  await fill(page, '--batch', 4);
  await page.getByRole('button', {name: 'Start'}).click();
  await page.waitForFunction(() => (document.querySelector('.run-grid') || {}).naturalWidth >= 64);
  await phase(page, 'running');
  await page.waitForFunction(() => /run=[^&]*runs\/00000-/.test(decodeURIComponent(location.hash)));
  await says(page, /^atelier train --data set\.zip --outdir \S*runs --kimg 2000 --batch 4/);
  for (const button of await starters(page).all())
    assert(await button.isDisabled(), 'one training at a time');
  assert.deepEqual(await structure(page), []);

  await page.locator('.task button.stop').click();
  await phase(page, 'stopped');
  await page.waitForFunction(() => document.querySelectorAll('.curve canvas').length >= 3);
  assert.match(await page.textContent('.plan'), /stopped by SIGTERM; to go on: atelier train --resume/);
  for (const button of await starters(page).all())
    assert(await button.isEnabled());
  const [name] = fs.readdirSync(runs);
  assert(fs.readdirSync(path.join(runs, name)).some(file => /^network-snapshot/.test(file)), 'what it goes on from');
  assert.match(String(run(`atelier train --resume studio/runs/${name} --dry-run`, folder)), /going on from/);
  await go(page, studio, `train?run=studio/runs/${name}`); // whoever comes back finds it
  await page.waitForFunction(() => document.querySelectorAll('.curve canvas').length >= 3);
  await says(page, /^atelier report .*\natelier train --resume /);
  const kimg = () => page.evaluate(() => +document.querySelector('.figures b').textContent);
  const before = await kimg();
  await page.getByRole('button', {name: 'Resume'}).click();
  await page.waitForFunction(() => /going on from/.test(document.querySelector('.plan').textContent));
  await page.waitForTimeout(1000);
  await page.locator('.task button.stop').click();
  await phase(page, 'stopped');
  await page.waitForFunction(before => +document.querySelector('.figures b').textContent > before, before); // it lives
  for (const [width, height] of [[390, 844], [1000, 700], [1280, 800]]) {
    await page.setViewportSize({width, height});
    await page.waitForTimeout(60);
    assert.deepEqual(await structure(page), [], `a run in ${width} x ${height}`);
  }
});
