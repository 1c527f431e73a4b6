const { defineConfig } = require("@playwright/test");

const isRoot = typeof process.getuid === "function" && process.getuid() === 0;

module.exports = defineConfig({
  testDir: ".",
  outputDir: "test-results",
  // Each worker has a server of its own.
  workers: 2,
  fullyParallel: false,
  forbidOnly: true,
  retries: 0,
  timeout: 180_000,
  expect: { timeout: 20_000 },
  maxFailures: 5,
  reporter: [["line"]],
  use: {
    browserName: "chromium",
    actionTimeout: 20_000,
    navigationTimeout: 30_000,
    launchOptions: {
      executablePath: process.env.CHROMIUM,
      // Chromium's sandbox refuses to run as root.
      args: isRoot ? ["--no-sandbox"] : [],
    },
  },
});
