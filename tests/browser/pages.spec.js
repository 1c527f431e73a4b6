// Every page, in both languages and themes, on a desktop and on a phone: it is there, nothing sticks
// out of it, and axe finds nothing serious.
const fs = require("node:fs");
const path = require("node:path");
const { default: AxeBuilder } = require("@axe-core/playwright");
const { test, expect, choose, HOSTILE } = require("./bank");

const account = (name) => `/account?name=${encodeURIComponent(name)}`;

const PAGES = {
  overview: "/",
  accounts: "/accounts",
  "accounts-none": "/accounts?prefix=nobody",
  account: account("alice"),
  "account-past": `${account("alice")}&at=2020-01-01T00%3A00`,
  "account-hostile": account(HOSTILE[0]),
  transactions: "/transactions",
  "transactions-missing": "/transactions?find=nothing-of-that-name",
  "transaction-opening": "/transactions/1",
  transaction: "/transaction?tx_id=t-3",
  "transaction-refused": "/transaction?tx_id=too-much",
  "transaction-void": "/transaction?tx_id=never-came",
  transfer: "/new/transfer?from=alice&to=bob",
  deposit: "/new/deposit",
  withdraw: "/new/withdraw",
  integrity: "/integrity",
  settings: "/settings",
  "not-found": "/account?name=nobody",
};

const SIZES = { desktop: { width: 1280, height: 900 }, phone: { width: 375, height: 812 } };

async function fits(page) {
  const [inner, outer] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  expect(inner, "the page is no wider than the screen").toBeLessThanOrEqual(outer);
  // A card hides what sticks out of it.
  const cut = await page.evaluate(() => [...document.querySelectorAll(".card, .figures")]
    .filter((card) => card.scrollWidth > card.clientWidth).map((card) => card.textContent.trim().slice(0, 60)));
  expect(cut, "nothing is cut off").toEqual([]);
}

async function accessible(page) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const serious = violations
    .filter(({ impact }) => ["serious", "critical"].includes(impact))
    .map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join("; ")}`);
  expect(serious).toEqual([]);
}

async function picture(page, name) {
  const folder = process.env.SALDO_SCREENSHOTS;
  if (!folder) return;
  fs.mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
}

for (const [size, viewport] of Object.entries(SIZES)) {
  for (const language of ["en", "pt"]) {
    for (const theme of ["light", "dark"]) {
      test.describe(`${size} ${language} ${theme}`, () => {
        test.use({ viewport });

        test("every page is there, fits, and is accessible", async ({ page, bank }) => {
          await choose(page, bank, language, theme);
          for (const [name, address] of Object.entries(PAGES)) {
            await test.step(name, async () => {
              await page.goto(bank.http + address);
              await expect(page.locator("html")).toHaveAttribute("lang", language === "pt" ? "pt-BR" : "en");
              await expect(page.locator("html")).toHaveAttribute("data-theme", theme);
              await expect(page.locator("main h1")).toBeVisible();
              if (await page.locator("#balance-chart").count()) {
                await expect(page.locator("#balance-chart")).toHaveAttribute("data-points", /\d/);
              }
              await fits(page);
              await accessible(page);
              await picture(page, `${size}-${language}-${theme}-${name}`);
            });
          }
          await test.step("confirmation", async () => {
            await page.goto(`${bank.http}/new/transfer?from=alice&to=nova-conta&amount=10`);
            await page.locator("form.sheet button[value=preview]").click();
            await expect(page.locator("form.sheet table tbody tr")).toHaveCount(2);
            await fits(page);
            await accessible(page);
            await picture(page, `${size}-${language}-${theme}-confirm`);
          });
          await test.step("a form with faults", async () => {
            await page.goto(`${bank.http}/new/transfer?from=alice&to=alice&amount=99999999`);
            await page.locator("form.sheet button[value=preview]").click();
            await expect(page.locator(".fault").first()).toBeVisible();
            await accessible(page);
            await picture(page, `${size}-${language}-${theme}-faults`);
          });
        });
      });
    }
  }
}

test("a hostile name is text wherever it stands", async ({ page, bank }) => {
  await page.goto(`${bank.http}/accounts`);
  for (const name of HOSTILE) {
    const shown = name.replace("\u202E", "\\u{202e}");
    await page.goto(`${bank.http}/accounts`);
    await page.getByRole("link", { name: shown, exact: true }).click();
    await expect(page.getByRole("heading", { level: 1 })).toHaveText(shown);
    await page.locator(".kind").first().click();
    await expect(page.locator(".route a")).toHaveText(shown);
  }
  expect(await page.evaluate(() => window.broken)).toBeUndefined();
});
