// What happens is seen while it happens.
const { test, expect } = require("./bank");

test("the overview moves: rows, figures and the chart", async ({ page, bank }) => {
  await page.goto(`${bank.http}/`);
  const position = page.locator(".figures .figure").last().locator("dd");
  await expect(page.locator("#rate-chart")).toHaveAttribute("data-points", /\d/);
  await bank.ask({ cmd: "deposit", user: "just-arrived", amount: 4242 });
  const row = page.locator("tbody[data-live] tr").first();
  await expect(row).toContainText("just-arrived");
  await expect(row).toContainText("42.42");
  const seq = await bank.seq();
  await expect(position).toContainText(new Intl.NumberFormat("en").format(seq));
  await expect.poll(async () => Number(await page.locator("#rate-chart").getAttribute("data-points"))).toBeGreaterThan(3);
});

test("an empty bank says how to begin, and goes on by itself", async ({ page }) => {
  const { Bank } = require("./bank");
  const bank = await Bank.start();
  try {
    await page.goto(`${bank.http}/`);
    await expect(page.locator(".empty")).toContainText("saldo deposit alice 2500");
    await bank.ask({ cmd: "deposit", user: "alice", amount: 2500 });
    await expect(page.locator("tbody[data-live] tr")).toHaveCount(1);
    await expect(page.locator(".empty")).toBeHidden();
  } finally {
    // A page that is open would complain, rightly, that its stream broke off.
    await page.goto("about:blank");
    await bank.stop();
  }
});

test("a pause keeps the list still, and going on catches up", async ({ page, bank }) => {
  await page.goto(`${bank.http}/transactions`);
  const first = page.locator("tbody[data-live] tr").first();
  await bank.ask({ cmd: "deposit", user: "seen", amount: 1 });
  await expect(first).toContainText("seen");
  await page.locator("[data-pause]").click();
  // The stream is alive: its next picture is turned away.
  const turnedAway = page.evaluate(() => new Promise((resolve) => {
    document.addEventListener("htmx:sseBeforeMessage", (event) => {
      if (event.target.dataset.live !== undefined) setTimeout(resolve, 0);
    }, { once: false });
  }));
  await bank.ask({ cmd: "deposit", user: "not-yet", amount: 1 });
  await turnedAway;
  await expect(first).toContainText("seen");
  await page.locator("[data-pause]").click();
  await bank.ask({ cmd: "deposit", user: "caught-up", amount: 1 });
  await expect(first).toContainText("caught-up");
});

test("the search finds while one types", async ({ page, bank }) => {
  await page.goto(`${bank.http}/accounts`);
  await page.locator("#prefix").pressSequentially("car");
  await expect(page.locator("#found tbody tr")).toHaveCount(1);
  await expect(page).toHaveURL(/prefix=car/);
});
