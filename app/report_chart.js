// SPDX-License-Identifier: Apache-2.0
// One chart of a training report as inline SVG: axes, curves, a cursor that moves through all charts at once.  The
// page has this text before that of report_page.js, whose helpers it calls.
"use strict";

const charts = []; // all that are drawn, so that one cursor moves through all of them
const colors = ["var(--c0)", "var(--c1)", "var(--c2)", "var(--c3)"];

// About `count` round numbers within [low, high].
function niceTicks(low, high, count) {
    const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= raw * 0.999);
    const list = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++)
        list.push(Number((i * step).toPrecision(12)));
    return list;
}

function logTicks(low, high) {
    const list = [], from = Math.floor(Math.log10(low)), to = Math.ceil(Math.log10(high));
    const parts = to - from <= 2 ? [1, 2, 5] : [1], skip = Math.max(1, Math.ceil((to - from) / 5));
    for (let e = from; e <= to; e += skip)
        for (const m of parts)
            if (m * 10 ** e >= low * 0.999 && m * 10 ** e <= high * 1.001)
                list.push(m * 10 ** e);
    return list;
}

// An exponential mean over about a fiftieth of the curve, gaps skipped, not biased at the beginning.
function smoothed(list) {
    const keepPart = Math.exp(-1 / Math.max(1, list.length / 50));
    let sum = 0, weight = 0;
    return list.map((x) => {
        if (!isNumber(x))
            return null;
        sum = sum * keepPart + x;
        weight = weight * keepPart + 1;
        return sum / weight;
    });
}

// The range of an axis: all values, unless a few spikes would flatten the rest.
function rangeOf(lists, spec, logarithmic) {
    const all = [].concat(...lists).filter((x) => isNumber(x) && (!logarithmic || x > 0)).sort((a, b) => a - b);
    if (!all.length)
        return [0, 1];
    let low = all[0], high = all[all.length - 1];
    if (all.length > 100 && !logarithmic) {
        const a = all[Math.floor(all.length * 0.005)], b = all[Math.ceil(all.length * 0.995) - 1];
        const room = (b - a) * 0.6;
        low = Math.max(low, a - room);
        high = Math.min(high, b + room);
    }
    for (const x of spec.include || [])
        if (isNumber(x) && (!logarithmic || x > 0))
            [low, high] = [Math.min(low, x), Math.max(high, x)];
    if (logarithmic)
        return low === high ? [low / 2, high * 2] : [low / 1.1, high * 1.1];
    const flat = high - low <= 1e-9 * Math.abs(high); // nothing but rounding
    const pad = flat ? Math.abs(low) * 0.1 || 1 : (high - low) * 0.06;
    const ends = spec.include || [];
    return [ends.includes(low) ? low : low - pad, ends.includes(high) && !flat ? high : high + pad];
}

function path(xs, ys, list) {
    let d = "", pen = false;
    list.forEach((y, i) => {
        if (isNumber(y) && isNumber(ys(y))) {
            d += (pen ? "L" : "M") + xs(i).toFixed(1) + " " + ys(y).toFixed(1);
            pen = true;
        } else {
            pen = false;
        }
    });
    return d;
}

function band(xs, ys, low, high) {
    const there = low.map((y, i) => i).filter((i) => isNumber(low[i]) && isNumber(high[i]) && isNumber(ys(low[i])));
    if (there.length < 2)
        return null;
    const up = there.map((i) => xs(i).toFixed(1) + " " + ys(high[i]).toFixed(1));
    const down = there.reverse().map((i) => xs(i).toFixed(1) + " " + ys(low[i]).toFixed(1));
    return "M" + up.join("L") + "L" + down.join("L") + "Z";
}

// spec: { title, note, lines: [{ label, kimg, mean, low, high, points }], target, include (values that the axis
// shows in any case), log (can be logarithmic), exact (never smoothed), alarms (kinds that are marked) }
function chart(spec) {
    const height = 190, margin = { left: 46, right: 20, top: 8, bottom: 22 };
    const key = "log:" + spec.title, legend = h("div", { class: "legend" });
    const positive = spec.log && spec.lines.every((l) => l.mean.every((x) => !isNumber(x) || x > 0));
    const picture = svg("svg", { height, role: "img", "aria-label": spec.title });
    const box = h("div", { class: "chart" }, h("div", { class: "top" },
        h("h3", {}, spec.title, spec.note ? h("small", {}, " " + spec.note) : null),
        positive ? toggle(key, "log", "Logarithmic scale", () => me.draw()) : null), legend, picture);
    const xLow = Math.min(0, curves.kimg.length ? curves.kimg[0] : 0);
    let xHigh = Math.max(curves.kimg.length ? curves.kimg[curves.kimg.length - 1] : 0,
        ...spec.lines.map((l) => l.kimg[l.kimg.length - 1] || 0));
    xHigh = xHigh > xLow ? xHigh : xLow + 1;
    const me = { box, width: 0, cursor: null };
    const logarithmic = () => Boolean(positive && kept[key]);

    me.scales = () => {
        const inner = me.width - margin.left - margin.right, tall = height - margin.top - margin.bottom;
        const log = logarithmic();
        const shown = spec.lines.map((l) => (useSmooth(l) && !l.low ? l.mean.concat(l.smooth) : l.mean));
        const [low, high] = rangeOf(spec.target !== undefined ? shown.concat([[spec.target]]) : shown, spec, log);
        const f = log ? Math.log10 : (x) => x;
        return { low, high, log, x: (k) => margin.left + (k - xLow) / (xHigh - xLow) * inner,
            y: (v) => (log && v <= 0 ? NaN : margin.top + (f(high) - f(v)) / (f(high) - f(low)) * tall) };
    };

    const axes = (s) => {
        const parts = [];
        for (const v of s.log ? logTicks(s.low, s.high) : niceTicks(s.low, s.high, 4)) {
            const y = Math.round(s.y(v)) + 0.5;
            if (y < margin.top - 1 || y > height - margin.bottom + 1)
                continue;
            parts.push(svg("line", { class: "grid", x1: margin.left, x2: me.width - margin.right, y1: y, y2: y }),
                svg("text", { x: margin.left - 7, y: y + 4, "text-anchor": "end" }, format(v, 3)));
        }
        for (const k of niceTicks(xLow, xHigh, Math.max(2, Math.floor(me.width / 70)))) {
            const x = s.x(k);
            parts.push(svg("text", { x, y: height - 5, "text-anchor": "middle" }, format(k, 6)));
        }
        return parts;
    };

    const ring = (s, fatal, [first, last]) => {
        const from = s.x(first), to = s.x(last === null ? xHigh : last);
        return svg("rect", { class: "ring" + (fatal ? " fatal" : ""), x: from, y: margin.top,
            width: Math.max(2, to - from), height: height - margin.top - margin.bottom });
    };
    const marked = data.alarms.filter((a) => (spec.alarms || []).includes(a.kind));

    const curve = (s, l, color, clip) => {
        const xs = (i) => s.x(l.kimg[i]), parts = [];
        const area = l.low ? band(xs, s.y, l.low, l.high) : null, soft = useSmooth(l);
        if (isLevel(l)) {
            const level = s.y(l.mean.find(isNumber));
            return svg("line", { x1: margin.left, x2: me.width - margin.right, y1: level, y2: level, stroke: color,
                "stroke-dasharray": "6 4", "stroke-width": 1.4 });
        }
        if (area)
            parts.push(svg("path", { class: "band", d: area, fill: color }));
        if (soft)
            parts.push(svg("path", { class: "raw", d: path(xs, s.y, l.mean), stroke: color }));
        parts.push(svg("path", { class: "smooth", d: path(xs, s.y, soft ? l.smooth : l.mean), stroke: color }));
        if (l.points)
            l.mean.forEach((v, i) => isNumber(v) && isNumber(s.y(v))
                && parts.push(svg("circle", { cx: xs(i), cy: s.y(v), r: 2.6, fill: color })));
        return svg("g", { "clip-path": clip }, ...parts);
    };

    me.draw = () => {
        me.width = picture.clientWidth || box.clientWidth - 28;
        if (me.width < 50)
            return;
        const s = me.scales(), id = "clip" + charts.indexOf(me);
        picture.setAttribute("viewBox", "0 0 " + me.width + " " + height);
        me.top = svg("g", {});
        picture.replaceChildren(svg("defs", {}, svg("clipPath", { id }, svg("rect", { x: margin.left - 4, y: margin.top - 3,
            width: me.width - margin.left - margin.right + 8, height: height - margin.top - margin.bottom + 6 }))),
            ...marked.flatMap((a) => a.times.map((time) => ring(s, a.fatal, time))), ...axes(s),
            spec.target !== undefined ? svg("line", { class: "target", x1: margin.left, x2: me.width - margin.right,
                y1: s.y(spec.target), y2: s.y(spec.target) }) : "",
            ...spec.lines.map((l, i) => curve(s, l, colors[i % 4], "url(#" + id + ")")), me.top);
        me.point(me.cursor);
    };

    // Values at the cursor, or the last ones.
    me.point = (kimg) => {
        me.cursor = kimg;
        const s = me.scales(), marks = [], items = [];
        let shown = null;
        spec.lines.forEach((l, i) => {
            const at = nearest(l, kimg), v = at < 0 ? null : (useSmooth(l) && kimg === null ? l.smooth : l.mean)[at];
            const level = isLevel(l);
            if (at >= 0 && !level && shown === null)
                shown = l.kimg[at];
            items.push(h("span", {}, h("i", { style: "background:" + colors[i % 4] }), l.label, h("b", {}, format(v))));
            if (kimg !== null && !level && isNumber(v) && isNumber(s.y(v)))
                marks.push(svg("circle", { cx: s.x(l.kimg[at]), cy: s.y(v), r: 3.5, fill: colors[i % 4],
                    "clip-path": "url(#clip" + charts.indexOf(me) + ")" }));
        });
        if (kimg !== null && shown !== null) {
            const x = s.x(shown), late = x > me.width * 0.6;
            marks.unshift(svg("line", { class: "cursor", x1: x, x2: x, y1: margin.top, y2: height - margin.bottom }),
                svg("text", { class: "at", x: x + (late ? -6 : 6), y: height - margin.bottom - 6,
                    "text-anchor": late ? "end" : "start" }, kimgText(shown)));
        }
        if (spec.target !== undefined)
            items.push(h("span", { class: "target" }, "target " + format(spec.target, 3)));
        legend.replaceChildren(...items);
        if (me.top)
            me.top.replaceChildren(...marks);
    };

    const move = (event) => {
        const x = (event.clientX - picture.getBoundingClientRect().left - margin.left) / (me.width - margin.left - margin.right);
        const kimg = xLow + Math.min(1, Math.max(0, x)) * (xHigh - xLow);
        charts.forEach((c) => c.point(kimg));
    };
    picture.addEventListener("pointermove", move);
    picture.addEventListener("pointerdown", move);
    picture.addEventListener("pointerleave", () => charts.forEach((c) => c.point(null)));
    charts.push(me);
    new ResizeObserver(() => { if (picture.clientWidth !== me.width) me.draw(); }).observe(picture);
    return box;
}

// The index with a value that is nearest to kimg; the last one without kimg; -1 when there is none.
function nearest(line, kimg) {
    let best = -1;
    for (let i = line.mean.length - 1; i >= 0; i--) {
        if (!isNumber(line.mean[i]))
            continue;
        if (kimg === null)
            return i;
        if (best < 0 || Math.abs(line.kimg[i] - kimg) < Math.abs(line.kimg[best] - kimg))
            best = i;
    }
    return best;
}

// Measured once in many ticks: a level to compare with.
const isLevel = (line) => curves.kimg.length > 1 && line.mean.filter(isNumber).length === 1;

const useSmooth = (line) => Boolean(line.smooth && !kept.raw);
