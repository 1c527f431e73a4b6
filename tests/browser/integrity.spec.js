// The books are seen to be right, and the bank is proven from its page.
const { test, expect } = require("./bank");

test("the trial balance is that of the bank, and all history is proven on demand", async ({ page, bank }) => {
  await page.goto(`${bank.http}/integrity`);
  await expect(page.locator(".notice.done")).toBeVisible();
  const [totals] = await bank.ask({ cmd: "totals" });
  await expect(page.locator(".trial td").nth(3)).toHaveAttribute("title", String(totals.sum));
  await expect(page.locator(".trial .total td")).toHaveAttribute("title", "0");
  await page.getByRole("button", { name: "Verify now" }).click();
  await expect(async () => {
    await page.goto(`${bank.http}/integrity`);
    await expect(page.locator("#proof")).toContainText(`Proven up to ${await bank.seq()}`, { timeout: 1000 });
  }).toPass();
  await page.getByRole("button", { name: "Checkpoint now" }).click();
  await expect(page.locator(".notice").last()).toContainText("checkpoint is made");
});
