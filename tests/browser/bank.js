// A server of its own for each worker, on ports that the system gives, with a little history; and what
// several tests ask of a page.
const { spawn } = require("node:child_process");
const fs = require("node:fs");
const net = require("node:net");
const os = require("node:os");
const path = require("node:path");
const { test: base, expect } = require("@playwright/test");

// Names that want to be more than text.
const HOSTILE = [
  "<script>window.broken=1</script>",
  "\"><img src=x onerror=broken()>",
  "a\u202Egnp.exe",
  "../../etc",
  "?name=x&y#z %2F",
];

class Bank {
  static async start() {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "saldo-browser-"));
    const data = path.join(folder, "data");
    const child = spawn(
      process.env.SALDO_BIN,
      ["serve", "--data", data, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"],
      { stdio: ["ignore", "pipe", "pipe"], env: { PATH: process.env.PATH, SALDO_LOG: "warn" } },
    );
    let log = "";
    child.stderr.on("data", (bytes) => { log += bytes; });
    const ready = await new Promise((resolve, reject) => {
      let text = "";
      child.stdout.on("data", (bytes) => {
        text += bytes;
        const found = /saldo ready tcp=(\S+) http=(\S+)\n/.exec(text);
        if (found) resolve(found);
      });
      child.on("exit", (code) => reject(new Error(`the server ended with ${code}: ${log}`)));
    });
    return new Bank(folder, child, ready[1], ready[2]);
  }

  constructor(folder, child, lines, http) {
    Object.assign(this, { folder, child, lines, http });
  }

  // Sends one JSON object per line and gives the replies.
  async ask(...requests) {
    const at = this.lines.lastIndexOf(":");
    const socket = net.connect(Number(this.lines.slice(at + 1)), this.lines.slice(0, at));
    socket.setEncoding("utf8");
    socket.write(requests.map((request) => `${JSON.stringify(request)}\n`).join(""));
    let text = "";
    for await (const part of socket) {
      text += part;
      if (text.split("\n").length > requests.length) break;
    }
    socket.destroy();
    return text.trim().split("\n").map((line) => JSON.parse(line));
  }

  async balance(user) {
    const [reply] = await this.ask({ cmd: "balance", user });
    return reply.balance;
  }

  async seq() {
    const [reply] = await this.ask({ cmd: "totals" });
    return reply.as_of;
  }

  async history() {
    const requests = [{ cmd: "init_accounts", accounts: { alice: 10_250_000, bob: 500_000, carla: 0 } }];
    const people = ["alice", "bob", "carla", "joão", "padaria-do-zé", "rent"];
    let seed = 7;
    const next = (limit) => { seed = (seed * 16807) % 2147483647; return seed % limit; };
    for (let step = 0; step < 60; step += 1) {
      const user = people[next(people.length)];
      const other = people[next(people.length)];
      const amount = 100 + next(90_000);
      if (step % 5 === 0) requests.push({ cmd: "deposit", user, amount });
      else if (step % 11 === 0) requests.push({ cmd: "withdraw", user: "alice", amount });
      else if (other !== user) requests.push({ cmd: "transfer", from: user, to: other, amount, tx_id: `t-${step}` });
    }
    for (const user of HOSTILE) requests.push({ cmd: "deposit", user, amount: 1 });
    requests.push({ cmd: "withdraw", user: "rent", amount: 9_000_000, tx_id: "too-much" });
    requests.push({ cmd: "resolve", tx_id: "never-came" });
    const replies = await this.ask(...requests);
    if (!replies[0].ok) throw new Error(JSON.stringify(replies[0]));
  }

  async stop() {
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.kill("SIGTERM");
    await ended;
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

const test = base.extend({
  bank: [async ({}, use) => {
    const bank = await Bank.start();
    await bank.history();
    await use(bank);
    await bank.stop();
  }, { scope: "worker" }],
  // Nothing may be written to the console of the browser: a script that the policy stops is told there.
  quiet: [async ({ page }, use) => {
    const said = [];
    page.on("console", (message) => { if (["error", "warning"].includes(message.type())) said.push(message.text()); });
    page.on("pageerror", (error) => said.push(String(error)));
    await use(said);
    expect(said.filter((text) => !/status of 4\d\d/.test(text))).toEqual([]);
  }, { auto: true }],
});

// Chooses language and theme by the switches of the page, as a person does.
async function choose(page, bank, language, theme) {
  await page.goto(`${bank.http}/`);
  await page.getByRole("button", { name: language === "pt" ? "Português" : "English" }).click();
  const names = { light: ["Light", "Claro"], dark: ["Dark", "Escuro"] }[theme];
  await page.getByRole("button", { name: names[language === "pt" ? 1 : 0], exact: true }).click();
  await expect(page.locator("html")).toHaveAttribute("data-theme", theme);
}

module.exports = { test, expect, choose, Bank, HOSTILE };
