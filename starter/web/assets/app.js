// The page moves by two things: a night's events, each of which has the moving
// part asked for anew, and the charts, which draw what stands beside them as
// JSON. Everything else works without a script.
(() => {
  'use strict';
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const read = (id) => {
    const e = document.getElementById(id);
    return e ? JSON.parse(e.textContent) : null;
  };
  const charts = new Map(); // by the id of their element

  // wall is an instant's wall clock in the night's zone, as if it were UTC: the
  // browser need not know the zone, which is not the reader's.
  const wall = (offs, at) => {
    let o = offs[0].offset;
    for (const x of offs) if (at >= x.at) o = x.offset;
    return new Date((at + o) * 1000);
  };
  const hm = (d) => d.toISOString().slice(11, 16);

  const height = () => (innerWidth < 640 ? 180 : 220);
  const bars = uPlot.paths.bars({ size: [1, 24], align: 1, gap: 1 });
  const stack = (lists) => {
    const sums = lists[0].map(() => 0);
    return lists.map((l) => l.map((n, i) => (sums[i] += n)));
  };

  function timeline(el) {
    const d = read('timeline-data');
    if (!d) return;
    const names = [['done', 'done', '--c-succeeded'], ['in doubt', 'doubt', '--c-unknown'], ['rejected', 'bad', '--c-rejected'], ['sent back', 'back', '--c-parked']];
    // Every stretch has its place, also those in which nothing happened.
    const x = [];
    for (let t = d.from; t < d.to; t += d.step) x.push(t);
    const at = new Map((d.x || []).map((t, i) => [Math.round((t - d.from) / d.step), i]));
    const raw = names.map(([, key]) => x.map((_, i) => (at.has(i) ? d[key][at.get(i)] : 0)));
    const data = [x, ...stack(raw).reverse()];
    const old = charts.get(el.id);
    if (old) {
      old.night = d;
      old.raw = raw;
      old.setData(data, false);
      old.setScale('x', { min: d.from, max: d.to });
      return;
    }
    const series = names.map(([label, , color], n) => ({
      label, width: 0, fill: () => css(color), stroke: () => css(color), paths: bars, points: { show: false },
      value: (u, _, __, i) => (i == null || !u.raw ? '' : u.raw[n][i]),
    })).reverse();
    const u = new uPlot({
      width: el.clientWidth, height: height(),
      cursor: { drag: { x: false, y: false } },
      scales: { x: { time: false, range: (u) => [u.night ? u.night.from : d.from, u.night ? u.night.to : d.to] }, y: { range: (_, __, max) => [0, Math.max(max || 0, 1) * 1.1] } },
      series: [{ label: 'from', value: (u, v) => (v == null ? '' : hm(wall(u.night.offs, v))) }, ...series],
      axes: [
        { stroke: () => css('--soft'), grid: { show: false }, ticks: { stroke: () => css('--line') }, space: 60,
          splits: (u, _, min, max) => {
            const hours = [900, 1800, 3600, 7200, 10800].find((s) => (max - min) / s * 60 <= u.width) || 10800;
            const step = max - min < 3600 ? Math.max(60, Math.ceil((max - min) / 6 / 60) * 60) : hours;
            const out = [];
            for (let t = Math.ceil(min / step) * step; t <= max; t += step) out.push(t);
            return out;
          },
          values: (u, ticks) => ticks.map((t) => hm(wall((u.night || d).offs, t))) },
        { stroke: () => css('--soft'), grid: { stroke: () => css('--line'), width: 1 }, ticks: { show: false }, size: 46, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000] },
      ],
      hooks: {
        drawClear: [(u) => {
          const at = (edge) => (u.night || d).marks.filter((m) => m.name.endsWith(edge)).map((m) => u.valToPos(m.at, 'x', true));
          const closes = at('closes');
          u.ctx.save();
          u.ctx.fillStyle = css('--night');
          at('opens').forEach((left, i) => u.ctx.fillRect(left, u.bbox.top, closes[i] - left, u.bbox.height));
          u.ctx.restore();
        }],
        draw: [(u) => {
          const px = devicePixelRatio || 1;
          u.ctx.save();
          u.ctx.font = 11 * px + 'px system-ui, sans-serif';
          let line = 0;
          for (const m of (u.night || d).marks) {
            const x = Math.round(u.valToPos(m.at, 'x', true)) + 0.5;
            u.ctx.strokeStyle = u.ctx.fillStyle = css({ edge: '--ink', limit: '--warn', dst: '--bad', now: '--focus' }[m.kind]);
            u.ctx.lineWidth = px;
            u.ctx.setLineDash(m.kind === 'edge' ? [] : [4 * px, 3 * px]);
            u.ctx.beginPath();
            u.ctx.moveTo(x, u.bbox.top);
            u.ctx.lineTo(x, u.bbox.top + u.bbox.height);
            u.ctx.stroke();
            const end = x > u.bbox.left + u.bbox.width * 0.6;
            u.ctx.textAlign = end ? 'right' : 'left';
            u.ctx.fillText(m.name, x + (end ? -4 : 4) * px, u.bbox.top + (11 + 13 * (line++ % 3)) * px);
          }
          u.ctx.restore();
        }],
      },
    }, data, el);
    u.night = d;
    u.raw = raw;
    u.redraw();
    charts.set(el.id, u);
  }

  function spend(el) {
    const d = read('spend-data');
    if (!d || !d.x.length) return;
    const bar = uPlot.paths.bars({ size: [0.7, 48] });
    const money = (v) => (v == null ? '' : '$' + v.toFixed(2));
    const u = new uPlot({
      width: el.clientWidth, height: height(),
      cursor: { drag: { x: false, y: false } },
      scales: { x: { time: false, range: () => [-0.7, Math.max(d.x.length - 1, 6) + 0.7] }, y: { range: (_, __, max) => [0, Math.max(max || 0, 0.01) * 1.1] } },
      series: [
        { label: 'night', value: (_, v) => d.names[v] || '' },
        { label: 'by day', fill: () => css('--c-pending'), stroke: () => css('--strong'), width: 1, paths: bar, points: { show: false }, value: (_, v) => money(v) },
        { label: 'paid', fill: () => css('--paid'), stroke: () => css('--paid'), width: 0, paths: bar, points: { show: false }, value: (_, v) => money(v) },
        { label: 'twice the mean of the seven before', stroke: () => css('--bad'), dash: [5, 4], width: 1.5, points: { show: false }, value: (_, v) => money(v) },
      ],
      axes: [
        { stroke: () => css('--soft'), grid: { show: false }, ticks: { show: false }, space: 56, incrs: [1, 2, 5, 10], values: (_, ticks) => ticks.map((t) => (d.names[t] || '').slice(5)) },
        { stroke: () => css('--soft'), grid: { stroke: () => css('--line'), width: 1 }, ticks: { show: false }, size: 64, values: (_, ticks) => ticks.map((t) => '$' + t) },
      ],
    }, [d.x, d.day, d.paid, d.band], el);
    charts.set(el.id, u);
  }

  const kinds = { timeline, spend };
  function draw() {
    for (const id in kinds) {
      const el = document.getElementById(id);
      if (el) kinds[id](el);
    }
  }
  function resize() {
    for (const [id, u] of charts) {
      const el = document.getElementById(id);
      if (el) u.setSize({ width: el.clientWidth, height: height() });
    }
  }

  function follow() {
    const at = document.querySelector('[data-events]');
    if (!at) return;
    let waiting = false, last = 0;
    const ask = async (again) => {
      if (waiting || document.hidden) return;
      waiting = true;
      await new Promise((go) => setTimeout(go, Math.max(0, 900 - (Date.now() - last))));
      last = Date.now();
      try {
        const focus = document.activeElement && document.activeElement.id;
        await htmx.ajax('GET', at.dataset.part, { target: '#live', swap: 'outerHTML' });
        if (focus) document.getElementById(focus)?.focus();
        draw();
      } finally {
        waiting = false;
      }
      if (again || document.getElementById('live')?.dataset.live === 'false') location.reload();
    };
    const events = new EventSource(at.dataset.events);
    for (const kind of ['progress', 'state']) events.addEventListener(kind, () => ask(false));
    events.addEventListener('end', () => { events.close(); ask(true); });
    document.addEventListener('visibilitychange', () => ask(false));
  }

  document.addEventListener('DOMContentLoaded', () => {
    draw();
    follow();
    new ResizeObserver(resize).observe(document.body);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => charts.forEach((u) => u.redraw()));
  });
})();
