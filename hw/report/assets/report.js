"use strict";
// The page works without this script; with it there are filters, themes, enlarged figures and
// curves. Text is only ever set as text, never as markup.
(() => {
  const root = document.documentElement;
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const one = (selector, from = document) => from.querySelector(selector);
  root.classList.add("js");

  // Theme: the reader's choice, else the system's. Storage may be denied to a local file.
  const stored = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => { root.dataset.theme = stored() || root.dataset.chosen || (system.matches ? "dark" : "light"); };
  apply();
  system.addEventListener("change", apply);
  one("#theme").addEventListener("click", () => {
    const next = root.dataset.theme === "dark" ? "light" : "dark";
    root.dataset.chosen = next;
    try { localStorage.setItem("theme", next); } catch { /* this visit only */ }
    apply();
  });
  // Copy buttons.
  const copyText = async (text) => {
    try { await navigator.clipboard.writeText(text); return true; } catch { /* not allowed here */ }
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  };
  for (const button of all(".copy")) {
    button.addEventListener("click", async () => {
      const done = await copyText(button.dataset.copy);
      button.textContent = done ? "Copied" : "Select it";
      button.classList.toggle("done", done);
      setTimeout(() => { button.textContent = "Copy"; button.classList.remove("done"); }, 1500);
    });
  }

  // Filters: a question is shown if it passes all three; its rows if they have a chosen verdict.
  const questions = all("article.question");
  const texts = new Map(questions.map((q) => [q, `${q.dataset.question} ${q.textContent}`.toLowerCase()]));
  const chosen = (name) => new Set(all(`input[name="${name}"]:checked`).map((i) => i.value));
  const filter = () => {
    const homeworks = chosen("homework");
    const verdicts = chosen("verdict");
    const words = one("#search").value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const q of questions) {
      const mine = q.dataset.verdicts.split(" ");
      const show = (!homeworks.size || homeworks.has(q.dataset.homework))
        && (!verdicts.size || mine.some((v) => verdicts.has(v)))
        && words.every((w) => texts.get(q).includes(w));
      q.hidden = !show;
      count += show;
      for (const row of all(".row[data-verdict]", q)) {
        row.hidden = verdicts.size > 0 && !verdicts.has(row.dataset.verdict);
      }
    }
    for (const section of all("section.homework")) {
      section.hidden = all("article.question", section).every((q) => q.hidden);
    }
    const hidden = new Set(questions.filter((q) => q.hidden).map((q) => q.dataset.question));
    for (const item of all("li[data-question]")) item.hidden = hidden.has(item.dataset.question);
    one("#nothing").hidden = count > 0;
    one("#shown").textContent = count < questions.length ? `${count} of ${questions.length} questions` : "";
  };
  for (const input of all(".filters input")) input.addEventListener("input", filter);
  one("[data-reset]").addEventListener("click", () => {
    for (const input of all(".filters input")) { input.checked = false; if (input.type === "search") input.value = ""; }
    filter();
  });

  // What a link leads to must not hide below the filters, however many lines they take.
  const bar = one(".filters");
  const measure = () => root.style.setProperty("--bar", `${getComputedStyle(bar).position === "sticky" ? bar.offsetHeight : 0}px`);
  new ResizeObserver(measure).observe(bar);
  measure();

  // Contents: folded on a phone; the question in view is marked.
  if (matchMedia("(max-width: 60rem)").matches) one(".contents details").open = false;
  const links = new Map(all(".contents a").map((a) => [a.getAttribute("href"), a]));
  const spy = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const link = links.get(`#${entry.target.id}`);
      if (!link) continue;
      if (entry.isIntersecting) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }, { rootMargin: "-20% 0px -70% 0px" });
  for (const q of questions) spy.observe(q);

  // Enlarged figures: the image itself moves into the dialog and back.
  const dialog = one("#enlarged");
  let home = null;
  const enlarge = (paper) => {
    if (!paper || home) return;
    home = paper;
    one("div", dialog).append(...paper.childNodes);
    dialog.showModal();
  };
  dialog.addEventListener("close", () => { home.append(...one("div", dialog).childNodes); home = null; });
  dialog.addEventListener("click", (event) => { if (event.target !== dialog.firstElementChild.nextElementSibling) dialog.close(); });
  for (const figure of all(".gallery figure")) {
    const paper = one(".paper", figure);
    const button = one(".enlarge", figure);
    if (button) { button.hidden = false; button.addEventListener("click", () => enlarge(paper)); }
    if (paper) paper.addEventListener("click", () => enlarge(paper));
  }

  // Curves.
  const COLOURS = ["0072b2", "d55e00", "009e73", "cc79a7", "e69f00", "56b4e9"];
  const colour = (i) => i < COLOURS.length ? `var(--ink-${COLOURS[i]}, #${COLOURS[i]})` : `hsl(${(i * 137) % 360} 55% 50%)`;
  const DASHES = ["", "7 4", "2 3", "9 3 2 3"];
  const H = 330, LEFT = 62, RIGHT = 16, TOP = 12, BOTTOM = 36;
  const svg = (name, attributes = {}, text = "") => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text) node.textContent = text;
    return node;
  };
  const html = (name, attributes = {}, ...children) => {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    node.append(...children);
    return node;
  };
  const shown = (v) => {
    const size = Math.abs(v);
    return size && (size < 1e-3 || size >= 1e5) ? v.toExponential(2) : String(Number(v.toPrecision(4)));
  };
  const ticks = (low, high, count) => {
    const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
    const found = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high * (1 + 1e-12) + 1e-12; k++) found.push(Number((k * step).toPrecision(12)));
    return found;
  };

  class Chart {
    constructor(holder, data) {
      this.data = data;
      this.variants = [...new Set(data.series.map((s) => s.variant))];
      this.backends = [...new Set(data.series.map((s) => s.backend))];
      this.units = [...new Set(data.metrics.map((m) => m.unit))];
      this.unit = this.units.includes(data.unit) ? data.unit : this.units[0];
      this.off = new Set(this.backends.slice(1).map((b) => `backend:${b}`));
      this.variants.slice(8).forEach((v) => this.off.add(`variant:${v}`));
      this.log = data.log;
      this.at = null;
      this.controls = html("div", { class: "controls" });
      this.chart = html("div", { class: "chart" });
      this.says = html("output", { class: "unseen", "aria-live": "polite" });
      holder.replaceChildren(this.controls, this.chart, this.says);
      this.buildControls();
      this.draw();
      // As wide as its place, so that letters keep their size on a phone.
      new ResizeObserver(() => { if (Math.abs(this.width() - this.drawn) > 20) this.draw(); }).observe(holder);
    }
    width() { return Math.max(320, Math.min(1100, this.chart.clientWidth || 860)); }
    metrics() { return this.data.metrics.filter((m) => m.unit === this.unit); }
    buildControls() {
      this.controls.replaceChildren();
      const group = (title, ...chips) => this.controls.append(html("fieldset", {}, html("legend", {}, title), ...chips));
      const chip = (text, checked, change, mark, kind = "checkbox", name = "") => {
        const input = html("input", { type: kind, name });
        input.checked = checked;
        input.addEventListener("change", () => change(input.checked));
        const label = html("span", {}, text);
        if (mark) { const line = html("i"); line.style.borderTopColor = mark[0]; line.style.borderTopStyle = mark[1] ? "dashed" : "solid"; label.prepend(line); }
        return html("label", { class: "chip" }, input, label);
      };
      const toggle = (key) => (on) => { if (on) this.off.delete(key); else this.off.add(key); this.draw(); };
      if (this.units.length > 1) {
        const name = `unit-${Chart.count = (Chart.count || 0) + 1}`;
        group("Show", ...this.units.map((u) => chip(u, u === this.unit, () => { this.unit = u; this.at = null; this.buildControls(); this.draw(); one("input:checked", this.controls).focus(); }, null, "radio", name)));
      }
      const alone = this.variants.length === 1;
      if (this.metrics().length > 1) {
        group("Curve", ...this.metrics().map((m, i) => chip(m.label, !this.off.has(`metric:${m.name}`), toggle(`metric:${m.name}`), alone ? [colour(i), 0] : ["currentColor", i])));
      }
      if (!alone) group("Variant", ...this.variants.map((v, i) => chip(v, !this.off.has(`variant:${v}`), toggle(`variant:${v}`), [colour(i), 0])));
      if (this.backends.length > 1) group("In", ...this.backends.map((b) => chip(b, !this.off.has(`backend:${b}`), toggle(`backend:${b}`))));
      if (this.data.bands.length) group("Spread", chip(`over ${this.data.seeds} seeds`, !this.off.has("bands"), toggle("bands")));
      group("Axis", chip("logarithmic", this.log, (on) => { this.log = on; this.draw(); }));
    }
    visible() {
      const lines = [];
      for (const s of this.data.series) {
        if (this.off.has(`variant:${s.variant}`) || this.off.has(`backend:${s.backend}`)) continue;
        this.metrics().forEach((m, i) => {
          const y = s.y[m.name];
          if (!y || this.off.has(`metric:${m.name}`)) return;
          const v = this.variants.indexOf(s.variant), alone = this.variants.length === 1;
          const name = [alone ? "" : s.variant, this.metrics().length > 1 || alone ? m.label : "", this.backends.length > 1 ? s.backend : ""].filter(Boolean).join(", ");
          lines.push({ name, variant: s.variant, metric: m.name, x: s.x, y, colour: colour(alone ? i : v), dash: alone ? "" : DASHES[i % 4], faint: this.backends.indexOf(s.backend) > 0 });
        });
      }
      return lines;
    }
    draw() {
      const W = this.drawn = this.width();
      this.lines = this.visible();
      const picture = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", tabindex: "0" });
      picture.setAttribute("aria-label", `${this.unit} by epoch; left and right arrow keys read the values`);
      const has = (k) => this.lines.some((l) => l.variant === k.variant && l.metric === k.metric);
      const published = this.data.published.filter(has), ranges = this.data.ranges.filter(has);
      const bands = this.off.has("bands") ? [] : this.data.bands.filter(has);
      const usable = (v) => !this.log || v > 0;
      const values = [...this.lines.flatMap((l) => l.y), ...published.map((p) => p.value), ...ranges.flatMap((r) => [r.low, r.high]), ...bands.flatMap((b) => [...b.low, ...b.high])].filter(usable);
      const epochs = this.lines.flatMap((l) => [l.x[0], l.x[l.x.length - 1]]);
      if (!values.length) { this.chart.replaceChildren(html("p", { class: "empty" }, "Nothing to show: choose a curve and a variant.")); return; }
      const map = (v) => this.log ? Math.log10(v) : v;
      let low = values.reduce((a, b) => Math.min(a, b)), high = values.reduce((a, b) => Math.max(a, b));
      if (low === high) { low = this.log ? low / 2 : low - Math.abs(low || 1) * .1; high = this.log ? high * 2 : high + Math.abs(high || 1) * .1; }
      const pad = (map(high) - map(low)) * .04, y0 = map(low) - pad, y1 = map(high) + pad;
      const x0 = Math.min(...epochs), x1 = Math.max(...epochs);
      const X = (e) => LEFT + (x1 > x0 ? (e - x0) / (x1 - x0) : .5) * (W - LEFT - RIGHT);
      const Y = (v) => H - BOTTOM - (map(v) - y0) / (y1 - y0) * (H - TOP - BOTTOM);
      const grid = svg("g", { class: "grid" });
      let marks = this.log ? [] : ticks(y0, y1, 6);
      if (this.log) {
        for (let p = Math.floor(y0); p <= y1; p++) for (const m of y1 - y0 > 3 ? [1] : [1, 2, 5]) { const v = m * 10 ** p; if (map(v) >= y0 && map(v) <= y1) marks.push(v); }
        if (marks.length < 2) marks = ticks(10 ** y0, 10 ** y1, 4).filter((v) => v > 0);
      }
      for (const v of marks) {
        grid.append(svg("line", { x1: LEFT, x2: W - RIGHT, y1: Y(v), y2: Y(v) }));
        grid.append(svg("text", { class: "axis", x: LEFT - 8, y: Y(v) + 4, "text-anchor": "end" }, shown(v)));
      }
      for (const e of ticks(x0, Math.max(x1, x0 + 1), W < 500 ? 5 : 10).filter((e) => Number.isInteger(e) && e <= x1)) {
        grid.append(svg("text", { class: "axis", x: X(e), y: H - BOTTOM + 18, "text-anchor": "middle" }, String(e)));
      }
      grid.append(svg("text", { class: "axis", x: (LEFT + W - RIGHT) / 2, y: H - 3, "text-anchor": "middle" }, "epoch"));
      picture.append(grid);
      if (this.data.stand_in) picture.append(svg("text", { class: "synthetic", x: W - RIGHT, y: H - 3, "text-anchor": "end" }, "synthetic stand-in data"));
      const colourOf = (k) => this.lines.find((l) => l.variant === k.variant && l.metric === k.metric).colour;
      for (const b of bands) {
        const edge = (y) => y.map((v, i) => [b.x[i], v]).filter(([, v]) => usable(v)).map(([e, v]) => `${X(e).toFixed(1)} ${Y(v).toFixed(1)}`);
        picture.append(svg("path", { class: "spread", d: `M${[...edge(b.high), ...edge(b.low).reverse()].join("L")}Z`, style: `fill: ${colourOf(b)}` }));
      }
      for (const r of ranges) picture.append(svg("rect", { class: "band", x: LEFT, width: W - LEFT - RIGHT, y: Y(Math.max(r.low, r.high)), height: Math.abs(Y(r.low) - Y(r.high)), style: `fill: ${colourOf(r)}` }));
      for (const p of published.filter((p) => usable(p.value))) {
        const line = svg("line", { class: "known", x1: LEFT, x2: W - RIGHT, y1: Y(p.value), y2: Y(p.value), style: `stroke: ${colourOf(p)}` });
        line.append(svg("title", {}, `published: ${p.text}`));
        picture.append(line);
      }
      for (const l of this.lines) {
        let path = "", pen = "M";
        l.y.forEach((v, i) => { if (usable(v)) { path += `${pen}${X(l.x[i]).toFixed(1)} ${Y(v).toFixed(1)}`; pen = "L"; } else pen = "M"; });
        picture.append(svg("path", { class: "line", d: path, style: `stroke: ${l.colour}; stroke-dasharray: ${l.dash || "none"}; opacity: ${l.faint ? .55 : 1}` }));
      }
      const cursor = svg("g", { visibility: "hidden" });
      picture.append(cursor);
      const tip = html("div", { class: "tip", hidden: "" });
      this.chart.replaceChildren(picture, tip);
      const all_x = [...new Set(this.lines.flatMap((l) => l.x))].sort((a, b) => a - b);
      const point = (index) => {
        this.at = Math.max(0, Math.min(all_x.length - 1, index));
        const epoch = all_x[this.at];
        const found = this.lines.map((l) => ({ l, v: l.y[l.x.indexOf(epoch)] })).filter((f) => f.v !== undefined).sort((a, b) => b.v - a.v);
        cursor.setAttribute("visibility", "visible");
        cursor.replaceChildren(svg("line", { class: "cursor", x1: X(epoch), x2: X(epoch), y1: TOP, y2: H - BOTTOM }),
          ...found.filter((f) => usable(f.v)).map((f) => svg("circle", { cx: X(epoch), cy: Y(f.v), r: 4, style: `fill: ${f.l.colour}` })));
        tip.replaceChildren(html("b", {}, `epoch ${epoch}`), ...found.slice(0, 12).map((f) => {
          const line = html("i");
          line.style.borderTopColor = f.l.colour;
          return html("div", {}, html("span", {}, line, f.l.name || this.unit), html("span", {}, shown(f.v)));
        }));
        tip.hidden = false;
        const right = X(epoch) > W / 2;
        tip.style.left = right ? "auto" : `${(X(epoch) / W) * 100 + 2}%`;
        tip.style.right = right ? `${100 - (X(epoch) / W) * 100 + 2}%` : "auto";
        return `epoch ${epoch}: ${found.slice(0, 12).map((f) => `${f.l.name || this.unit} ${shown(f.v)}`).join("; ")}`;
      };
      const leave = () => { cursor.setAttribute("visibility", "hidden"); tip.hidden = true; };
      picture.addEventListener("pointermove", (event) => {
        const box = picture.getBoundingClientRect();
        const epoch = x0 + ((event.clientX - box.left) / box.width * W - LEFT) / (W - LEFT - RIGHT) * (x1 - x0);
        point(all_x.reduce((best, e, i) => Math.abs(e - epoch) < Math.abs(all_x[best] - epoch) ? i : best, 0));
      });
      picture.addEventListener("pointerleave", leave);
      picture.addEventListener("blur", leave);
      picture.addEventListener("keydown", (event) => {
        const now = this.at ?? all_x.length, jump = event.shiftKey ? 10 : 1;
        const to = { ArrowLeft: now - jump, ArrowRight: this.at === null ? 0 : now + jump, Home: 0, End: all_x.length - 1 }[event.key];
        if (to === undefined) return;
        event.preventDefault();
        this.says.textContent = point(to);
      });
    }
  }
  // Drawn when they come near the window: a page of fifty charts opens at once.
  const near = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((e) => e.isIntersecting)) {
      near.unobserve(entry.target);
      new Chart(entry.target, JSON.parse(document.getElementById(entry.target.dataset.curves).textContent));
    }
  }, { rootMargin: "600px" });
  for (const holder of all(".curves")) near.observe(holder);
})();
