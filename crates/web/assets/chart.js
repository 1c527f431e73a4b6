// The two charts: how much happens a second, and what an account held over time.
(() => {
  "use strict";
  const language = document.documentElement.lang;
  const charts = [];
  // Steps of an axis of counts: whole ones.
  const WHOLE = [1, 2, 5].flatMap((first) => [0, 1, 2, 3, 4, 5, 6].map((power) => first * 10 ** power)).sort((a, b) => a - b);

  // A chart is drawn, not styled: its colours are read from the sheet.
  const colours = (place) => {
    const line = getComputedStyle(place).color;
    const probe = document.createElement("span");
    probe.className = "axis";
    place.append(probe);
    const axis = getComputedStyle(probe).color;
    probe.remove();
    return { line, axis, grid: axis.replace("rgb(", "rgba(").replace(")", ", .16)") };
  };

  const draw = (place, data, { stepped, scale, values }) => {
    const { line, axis, grid } = colours(place);
    const axisOf = (more) => ({ stroke: axis, grid: { stroke: grid, width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif", ...more });
    const time = new Intl.DateTimeFormat(language, { timeStyle: "medium", hourCycle: "h23" });
    const date = new Intl.DateTimeFormat(language, { dateStyle: "short", timeStyle: "short", hourCycle: "h23" });
    const longest = Math.max(0, ...values([null], [Math.max(0, ...data[1].filter(Number.isFinite))]).map((text) => text.length));
    const options = {
      width: place.clientWidth - 24,
      height: 200,
      legend: { show: false },
      cursor: { points: { size: 7 }, y: false },
      scales: { x: { time: true }, y: { range: scale } },
      axes: [
        axisOf({ space: 90, size: 30, values: (plot, ticks) => {
          const far = ticks.length > 1 && ticks[ticks.length - 1] - ticks[0] > 86400;
          return ticks.map((tick) => (far ? date : time).format(new Date(tick * 1000)));
        } }),
        axisOf({ size: Math.max(48, 14 + 8 * longest), values, ...(stepped ? {} : { incrs: WHOLE }) }),
      ],
      series: [
        { label: place.dataset.time },
        { label: place.dataset.series, stroke: line, width: 2, fill: line.replace("rgb(", "rgba(").replace(")", ", .10)"), points: { show: data[0].length < 40 && stepped, size: 5 }, paths: stepped ? uPlot.paths.stepped({ align: 1 }) : undefined },
      ],
    };
    return new uPlot(options, data, place);
  };

  const keep = (place, make) => {
    let plot = make();
    const again = () => { plot.destroy(); plot = make(); };
    charts.push(again);
    addEventListener("resize", () => plot.setSize({ width: place.clientWidth - 24, height: 200 }));
    return { set: (data) => plot.setData(data) };
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => charts.forEach((again) => again()));

  const rate = document.getElementById("rate-chart");
  if (rate) {
    const seconds = 120;
    const shown = document.getElementById("rate");
    const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
    const now = Math.floor(Date.now() / 1000);
    const data = [Array.from({ length: seconds }, (_, place) => now - seconds + 1 + place), new Array(seconds).fill(null)];
    const chart = keep(rate, () => draw(rate, data, {
      stepped: false,
      scale: (plot, low, high) => [0, Math.max(10, high * 1.15 || 10)],
      values: (plot, ticks) => ticks.map((tick) => whole.format(tick)),
    }));
    const positions = [];
    rate.addEventListener("saldo:position", (event) => {
      const { seq, at } = event.detail;
      positions.push({ seq, at: at / 1e6 });
      while (positions.length > 2 && positions[0].at < at / 1e6 - 1.2) positions.shift();
      const first = positions[0];
      const last = positions[positions.length - 1];
      const passed = last.at - first.at;
      if (passed <= 0) return;
      const each = Math.max(0, (last.seq - first.seq) / passed);
      shown.textContent = whole.format(each);
      data[0].push(last.at);
      data[1].push(each);
      while (data[0].length > 2 * seconds || data[0][0] < last.at - seconds) {
        data[0].shift();
        data[1].shift();
      }
      chart.set(data);
      rate.dataset.points = data[1].filter((value) => value !== null).length;
    });
  }

  const balance = document.getElementById("balance-chart");
  if (balance) {
    fetch(balance.dataset.source).then((answer) => answer.json()).then((points) => {
      const digits = Number(balance.dataset.digits);
      const money = new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
      const times = [...points.times];
      const held = [...points.balances];
      // What it holds since its last change reaches to this moment.
      if (held.length) {
        times.push(Math.max(Date.now() / 1000, times[times.length - 1]));
        held.push(held[held.length - 1]);
      }
      document.getElementById("chart-note").hidden = !points.has_older;
      const unit = 10 ** digits;
      const data = [times, held.map((minor) => minor / unit)];
      keep(balance, () => draw(balance, data, {
        stepped: true,
        scale: (plot, low, high) => {
          const room = (high - Math.min(0, low)) * 0.12 || 1;
          return [Math.min(0, low) < 0 ? low - room : 0, high + room];
        },
        values: (plot, ticks) => ticks.map((tick) => money.format(tick)),
      }));
      balance.dataset.points = points.balances.length;
    });
  }
})();
