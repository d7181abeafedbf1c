// Draws the numbers of a table as a line. The table stays: it has the numbers as they were written.

const style = getComputedStyle(document.documentElement);
const ink = style.getPropertyValue("--soft").trim();
const line = style.getPropertyValue("--main").trim();
const hair = style.getPropertyValue("--hair").trim();

function draw(place) {
  const trend = JSON.parse(place.dataset.chart);
  place.hidden = false;
  const width = Math.max(160, Math.min(704, place.parentElement.clientWidth));
  const axis = { stroke: ink, grid: { stroke: hair, width: 1 }, ticks: { stroke: hair, width: 1 }, font: "12px system-ui, sans-serif" };
  const years = new Intl.DateTimeFormat(document.documentElement.lang, { month: "short", year: "numeric" });
  const days = new Intl.DateTimeFormat(document.documentElement.lang, { day: "numeric", month: "short" });
  const times = trend.times.map((ms) => ms / 1000);
  const spans = (times.at(-1) - times[0]) / 86400;
  const low = Math.min(...trend.values);
  const high = Math.max(...trend.values);
  const room = (high - low || Math.abs(high) || 1) * 0.15;
  new uPlot({
    width,
    height: 140,
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: true }, y: { range: [low - room, high + room] } },
    axes: [
      { ...axis, space: 90, size: 28, values: (_, splits) => splits.map((one) => (spans > 120 ? years : days).format(one * 1000)) },
      { ...axis, size: 54, space: 26, values: (_, splits) => splits.map((one) => one.toLocaleString(document.documentElement.lang)) },
    ],
    series: [{}, { stroke: line, width: 2, points: { show: true, size: 7, fill: "#fff", stroke: line }, spanGaps: false }],
  }, [times, trend.values], place);
}

/** Only what is in sight is drawn: a long section has many. */
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (entry.isIntersecting) {
      watcher.unobserve(entry.target);
      draw(entry.target.querySelector(".chart"));
    }
  }
});

function watch() {
  for (const chart of document.querySelectorAll(".chart[data-chart]:empty")) {
    watcher.observe(chart.parentElement);
  }
}

addEventListener("noaber:filled", watch);
watch();
