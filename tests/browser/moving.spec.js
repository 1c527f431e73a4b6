// Money moves once, however a form is sent; and a keyboard is enough.
const { test, expect } = require("./bank");

async function focusByTab(page, locator) {
  for (let step = 0; step < 60; step += 1) {
    if (await locator.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error("not reached by Tab");
}

test("a transfer is made with the keyboard alone", async ({ page, bank }) => {
  const before = await bank.balance("bob");
  await page.goto(`${bank.http}/`);
  await page.keyboard.press("Tab");
  await expect(page.locator(".skip")).toBeFocused();
  await page.keyboard.press("g");
  await page.keyboard.press("n");
  await expect(page).toHaveURL(/new\/transfer/);
  await focusByTab(page, page.locator("#from"));
  await page.keyboard.type("alice");
  await page.keyboard.press("Tab");
  await page.keyboard.type("bob");
  await page.keyboard.press("Tab");
  await expect(page.locator("#to-hint")).toContainText("holds");
  await page.keyboard.type("7.77");
  await page.keyboard.press("Enter");
  const send = page.locator("button[value=send]");
  await focusByTab(page, send);
  await page.keyboard.press("Enter");
  await expect(page.locator(".notice.done")).toBeVisible();
  expect(await bank.balance("bob")).toBe(before + 777);
});

test("Ctrl-K goes to the search, and ? shows the keys", async ({ page, bank }) => {
  await page.goto(`${bank.http}/transactions`);
  await page.keyboard.press("Control+k");
  await expect(page.locator("#search")).toBeFocused();
  await page.keyboard.type("pad");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("link", { name: "padaria-do-zé" })).toBeVisible();
  await page.locator("h1").click();
  await page.keyboard.press("?");
  await expect(page.locator("#keys")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.locator("#keys")).toBeHidden();
});

test("the same form sent twice moves once, and says so", async ({ page, bank, context }) => {
  const before = await bank.balance("carla");
  await page.goto(`${bank.http}/new/deposit?to=carla&amount=5.00`);
  await page.locator("button[value=preview]").click();
  const form = await page.locator("form.sheet").evaluate((form) => Object.fromEntries(new FormData(form)));
  // Sent into another tab, the form stays where it is, and is sent once more.
  const opened = page.waitForEvent("popup");
  await page.locator("form.sheet").evaluate((form) => {
    form.target = "_blank";
    form.requestSubmit(form.querySelector("button[value=send]"));
  });
  await expect((await opened).locator(".notice.done")).toBeVisible();
  expect(await bank.balance("carla")).toBe(before + 500);
  await page.locator("form.sheet").evaluate((form) => {
    form.target = "";
    // As when a browser shows a page again that was left.
    dispatchEvent(new Event("pageshow"));
  });
  await page.locator("button[value=send]").click();
  await expect(page.locator(".notice.unsure")).toContainText("moved once");
  expect(await bank.balance("carla")).toBe(before + 500);
  // And ten times at once, from elsewhere in the same browser.
  const answers = await Promise.all(Array.from({ length: 10 }, () =>
    context.request.post(`${bank.http}/new/deposit`, { form: { ...form, step: "send" }, maxRedirects: 0 })));
  for (const answer of answers) expect(answer.headers().location).toContain("sent=again");
  expect(await bank.balance("carla")).toBe(before + 500);
});

test("a double click on send moves once", async ({ page, bank }) => {
  const before = await bank.balance("rent");
  await page.goto(`${bank.http}/new/deposit?to=rent&amount=3.00`);
  await page.locator("button[value=preview]").click();
  await page.locator("button[value=send]").dblclick();
  await expect(page.locator(".notice")).toBeVisible();
  expect(await bank.balance("rent")).toBe(before + 300);
});

test("what was typed is kept, and each fault stands at its field", async ({ page, bank }) => {
  await page.goto(`${bank.http}/new/transfer`);
  await page.locator("#from").fill("@world");
  await page.locator("#to").fill("bob");
  await page.locator("#amount").fill("1,5");
  await page.locator("button[value=preview]").click();
  await expect(page.locator("#from")).toHaveValue("@world");
  await expect(page.locator("#from-note .fault")).toContainText("bank's own");
  await expect(page.locator("#amount")).toHaveValue("1,5");
  await expect(page.locator("#amount-note .fault")).toContainText("1,025.00");
  await expect(page.locator("#from")).toBeFocused();
  await page.locator("#from").fill("carla");
  await page.locator("#amount").fill("90,000,000.00");
  await page.locator("button[value=preview]").click();
  await expect(page.locator("#amount-note .fault")).toContainText("short");
});

test("money that left meanwhile is told at the amount, and nothing moves", async ({ page, bank }) => {
  await bank.ask({ cmd: "deposit", user: "meanwhile", amount: 1000 });
  await page.goto(`${bank.http}/new/withdraw?from=meanwhile&amount=10.00`);
  await page.locator("button[value=preview]").click();
  await expect(page.locator("button[value=send]")).toBeVisible();
  await bank.ask({ cmd: "withdraw", user: "meanwhile", amount: 1 });
  await page.locator("button[value=send]").click();
  await expect(page.locator("#amount-note .fault")).toContainText("9.99");
  expect(await bank.balance("meanwhile")).toBe(999);
  // The next attempt is another move.
  await page.locator("#amount").fill("9.99");
  await page.locator("button[value=preview]").click();
  await page.locator("button[value=send]").click();
  await expect(page.locator(".notice.done")).toBeVisible();
  expect(await bank.balance("meanwhile")).toBe(0);
});

test("what was looked at is what is sent, though the language changed", async ({ page, bank }) => {
  const before = await bank.balance("bob");
  await page.goto(`${bank.http}/new/deposit?to=bob&amount=1,000.00`);
  await page.locator("button[value=preview]").click();
  const other = await page.context().newPage();
  await other.goto(`${bank.http}/settings`);
  await other.getByRole("button", { name: "Português" }).click();
  await page.locator("button[value=send]").click();
  await expect(page.locator(".notice.done")).toContainText("Feito");
  expect(await bank.balance("bob")).toBe(before + 100_000);
});

test.describe("without scripts", () => {
  test.use({ javaScriptEnabled: false });

  test("pages are read and money moves", async ({ page, bank }) => {
    const before = await bank.balance("carla");
    await page.goto(`${bank.http}/accounts`);
    await page.getByRole("link", { name: "carla" }).click();
    await page.locator("main").getByRole("link", { name: "Deposit", exact: true }).first().click();
    await page.locator("#amount").fill("12");
    await page.locator("button[value=preview]").click();
    await page.locator("button[value=send]").click();
    await expect(page.locator(".notice.done")).toBeVisible();
    expect(await bank.balance("carla")).toBe(before + 1200);
  });
});
