// SPDX-License-Identifier: Apache-2.0
// Explore: the map and the picture are dragged, keys move, sliders truncate, pins are kept; what is seen is what the
// command line shown makes, and the address leads back to it.
import {assert, built, drag, filePixels, fs, go, hash, line, openPage, otherPixels, path, pixels, run, sameAsCommand,
  samePixels, settled, slide, structure, test} from './studio.mjs';

const prepare = folder => {
  run('atelier init --cfg stylegan2 --resolution 32 --cbase 512 --cmax 16 --map-depth 2 --cond 3 --seed 4 --quiet ' +
    'classes.safetensors', folder);
  return [path.join(folder, 'classes.safetensors')];
};

await test('explore', {prepare}, async ({page, studio, browser}) => {
  await go(page, studio, 'explore?x=85&format=png');
  await settled(page);
  assert.equal(await line(page), 'atelier generate --seeds 85 --trunc 1');
  await sameAsCommand(page);
  const first = await pixels(page);

  // the map
  await drag(page, '.map', -70, 30);
  await settled(page);
  otherPixels(await pixels(page), first, 'dragging the map changes the picture');
  assert.match(await sameAsCommand(page), /--at 86\.\d+,-0\.\d+/);
  await drag(page, '.picture', 0, -60);
  await settled(page);
  const there = await pixels(page);

  // the address leads back
  await page.waitForTimeout(300);
  const address = page.url();
  const other = await openPage(browser, studio);
  await other.goto(address);
  await built(other);
  await settled(other);
  samePixels(await pixels(other), there);
  assert.deepEqual(other.faults, []);
  await other.close();

  // truncation, noise
  await page.locator('.map').focus();
  await slide(page, 'psi', 0.4);
  await page.getByRole('button', {name: 'random', exact: true}).click();
  assert.match(await sameAsCommand(page), /--trunc 0\.4.*--noise-mode random|--noise-mode random.*--trunc 0\.4/);
  assert.match(await hash(page), /psi=0\.4/);

  // classes, and what lies between two
  await go(page, studio, 'explore?network=classes.safetensors&x=7&cls=2&format=png');
  await settled(page);
  assert.match(await sameAsCommand(page), /--class 2$|--class 2 /);
  const class2 = await pixels(page);
  await slide(page, 'other_cls', 1);
  await settled(page);
  samePixels(await pixels(page), class2, 'no share of it');
  await slide(page, 'share', 0.4);
  assert.match(await sameAsCommand(page), /--class '?2:0\.6,1:0\.4/);
  otherPixels(await pixels(page), class2, 'the share of the other class');

  // keys
  await go(page, studio, 'explore?x=85&format=png');
  await settled(page);
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowDown');
  await settled(page);
  assert.match(await line(page), /--seeds 186 /);
  await page.keyboard.press('r');
  await settled(page);
  assert.doesNotMatch(await line(page), /--seeds 186 /);
  await page.keyboard.press('?');
  await page.locator('dialog[open] button').click();

  // pins stay, and lead back
  await go(page, studio, 'explore?x=85&format=png');
  await settled(page);
  await page.keyboard.press('p');
  await page.locator('#tray .thumb').first().waitFor();
  await page.reload();
  await page.locator('#tray .strip:first-child .thumb').waitFor();
  await page.keyboard.press('r');
  await settled(page);
  await page.locator('#tray .strip:first-child .thumb').click();
  await settled(page);
  assert.equal(await line(page), 'atelier generate --seeds 85 --trunc 1');
  samePixels(await pixels(page), first);

  // the download is the picture, with its record
  const [file] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('s')]);
  assert.equal(file.suggestedFilename(), 'seed85.png');
  samePixels(await filePixels(page, await file.path()), first);
  assert(fs.readFileSync(await file.path()).includes('"seed'), 'a record');
  assert.deepEqual(await structure(page), []);
});
