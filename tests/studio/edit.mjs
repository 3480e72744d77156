// SPDX-License-Identifier: Apache-2.0
// Edit: directions are found and moved along, single channels too; before and after lie under a wipe.
import {assert, go, hash, otherPixels, pixels, sameAsCommand, samePixels, says, settled, slide, structure,
  test} from './studio.mjs';

await test('edit', {}, async ({page, studio}) => {
  await go(page, studio, 'edit?x=12&format=png');
  await settled(page);
  const first = await pixels(page);
  await page.getByRole('button', {name: 'SeFa'}).click();
  await page.locator('.sliders input[data-name=direction]').first().waitFor();
  await page.locator('.sliders input[data-name=direction]').first().evaluate(e => {
    e.value = 4;
    e.dispatchEvent(new Event('input', {bubbles: true}));
  });
  await says(page, /^atelier edit --seeds 12 .*sefa-portraits-64.safetensors:0 --strength 4/);
  await settled(page);
  const smiled = await pixels(page);
  otherPixels(smiled, first, 'a direction moves the picture');
  await page.waitForTimeout(300);
  assert.match(await hash(page), /edits=\[\{.*"strength":4/);

  // before and after
  await slide(page, 'wipe', 0.5);
  await page.waitForFunction(() => document.querySelector('.before').width === 64);
  samePixels(await pixels(page, '.before'), first, 'before');
  samePixels(await pixels(page), smiled, 'after');

  // back, and a single channel, whose line is run
  await page.getByRole('button', {name: '↺ Reset'}).click();
  await settled(page);
  samePixels(await pixels(page), first, 'Reset leads back');
  await page.locator('.side input[type=number][aria-label=Channel]').fill('3');
  await page.getByRole('button', {name: 'Add'}).click();
  await settled(page);
  otherPixels(await pixels(page), first, 'a channel');
  assert.match(await sameAsCommand(page, {file: 'grid.png'}), /^echo 0_3 1 > (\S+)\natelier edit .*--direction \1 /);
  assert.deepEqual(await structure(page), []);
});
