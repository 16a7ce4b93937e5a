// What a person does with a page, counted in the page itself: presses of a mouse button or finger,
// and of keys. A step that a script makes without them cannot hide.

/** A page on which every click, tap and key press is counted. */
export async function countedPage(page) {
  const count = { clicks: 0, keys: 0 };
  await page.exposeBinding("countInput", (_source, kind) => {
    count[kind] += 1;
  });
  await page.addInitScript(() => {
    for (const [name, kind] of [
      ["pointerdown", "clicks"],
      ["keydown", "keys"],
    ])
      window.addEventListener(
        name,
        (event) => {
          if (event.isTrusted) void window.countInput(kind);
        },
        true,
      );
  });
  return { page, count };
}

/** That the page is wider than its window, so that it scrolls sideways; empty if it is not. */
export function cutOff(page) {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return scrollWidth > clientWidth
      ? `the page is ${scrollWidth} px wide, not ${clientWidth}`
      : "";
  });
}
