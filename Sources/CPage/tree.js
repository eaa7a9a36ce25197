"use strict";
// The data of the page as a tree, and the format of its numbers. Names are data: they are only inserted as text.

const data = JSON.parse(document.getElementById("data").textContent);
const isGrowth = data.kind === "growth";

// An element with text and children; callers set attributes other than a class.
function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

// As in the summary: powers of 1024, one decimal.
function bytes(count) {
  const size = Math.abs(count);
  if (size < 1024) return `${count} B`;
  const units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
  let power = Math.min(units.length, Math.floor(Math.log2(size) / 10));
  if (Number((size / 1024 ** power).toFixed(1)) >= 1024 && power < units.length) power += 1;
  return `${count < 0 ? "-" : ""}${(size / 1024 ** power).toFixed(1)} ${units[power - 1]}`;
}

const signed = (write, count) => (count > 0 ? "+" : "") + write(count);
const number = (count) => count.toLocaleString("en-US");
const counted = (count, one, many) => `${number(count)} ${count === 1 ? one : many}`;
const percent = (part, whole) => (whole > 0 ? `${((100 * part) / whole).toFixed(part / whole < 0.1 ? 1 : 0)} %` : "–");

// Seconds since 1970, in UTC.
function minute(seconds) {
  const time = new Date(seconds * 1000);
  return Number.isNaN(time.getTime()) ? `${seconds} s since 1970` : `${time.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

function ago(seconds) {
  const days = Math.floor((data.now - seconds) / 86400);
  if (seconds > data.now) return "in the future";
  if (days < 1) return "less than a day ago";
  if (days < 60) return `${counted(days, "day", "days")} ago`;
  return days < 730 ? `${Math.floor(days / 30.44)} months ago` : `${Math.floor(days / 365.25)} years ago`;
}

const owners = new Map((data.owners ?? []).map((owner) => [owner.uid, owner.name ?? String(owner.uid)]));

// The nodes come largest first, and a directory before its contents.
function makeTree() {
  const map = data.map;
  const top = { name: "all PATHs", isTop: true, isDirectory: true, children: [], depth: 0, parent: null };
  const nodes = map.name.map((name, index) => ({
    name,
    isDirectory: map.directory[index] === 1,
    entries: map.entries[index],
    disk: map.disk[index],
    apparent: map.apparent[index],
    own: map.own[index],
    time: map.time?.[index] ?? null,
    owner: map.owner?.[index],
    // Of all algorithms, in base64: null if they are not known, undefined if they are not on this page.
    row: map.digests?.[index],
    isLinked: map.linked?.[index] === 1,
    was: map.was?.[index],
    entriesBefore: map.entriesBefore?.[index],
    ownBefore: map.ownBefore?.[index],
    parent: null,
    children: [],
  }));
  nodes.forEach((node, index) => {
    node.parent = map.parent[index] < 0 ? top : nodes[map.parent[index]];
    node.parent.children.push(node);
  });
  for (const node of nodes) if (node.isDirectory) addRest(node);
  if (top.children.length === 1) {
    top.children[0].parent = null;
    return { root: top.children[0], nodes };
  }
  top.entries = data.totals.entries;
  top.disk = data.totals.disk_bytes;
  top.apparent = data.totals.apparent_bytes;
  top.own = 0;
  if (isGrowth) {
    top.was = data.totals.disk_bytes_before;
    top.entriesBefore = data.totals.entries_before;
  }
  top.children.sort((one, other) => other.disk - one.disk);
  return { root: top, nodes };
}

// The entries too small for nodes of their own: their sum is the directory's minus the other nodes.
function addRest(node) {
  const left = (key, own) => node.children.reduce((sum, child) => sum - child[key], node[key] - own);
  const entries = Math.max(0, left("entries", 1));
  const entriesBefore = isGrowth ? Math.max(0, left("entriesBefore", 1)) : 0;
  if (entries + entriesBefore === 0) return;
  const rest = {
    name: counted(Math.max(entries, entriesBefore), "smaller entry", "smaller entries"), isRest: true, isDirectory: false, entries,
    disk: Math.max(0, left("disk", node.own)), apparent: Math.max(0, left("apparent", 0)), own: 0, parent: node,
    children: [], time: null,
  };
  if (isGrowth) {
    rest.was = Math.max(0, left("was", node.ownBefore));
    rest.entriesBefore = entriesBefore;
  }
  node.children.push(rest);
}

const tree = makeTree();

// The digests of a file or a directory by their algorithms, in hex; none if the scan has none. A text says why they are
// not there.
const algorithms = data.map.algorithms ?? [];

function digestsOf(node) {
  if (algorithms.length === 0 || node.isTop || node.isRest) return [];
  if (node.row === undefined) return [["digests", "not on this page"]];
  if (node.row === null) return [["digests", node.isDirectory ? "not known: not everything in it was read" : "not known: it was not read"]];
  const hex = Array.from(atob(node.row), (byte) => byte.charCodeAt(0).toString(16).padStart(2, "0")).join("");
  let end = 0;
  return algorithms.map(([name, length]) => [name, hex.slice(end, (end += 2 * length))]);
}

// From the top to the node.
function lineage(node) {
  const line = [];
  for (let place = node; place; place = place.parent) line.unshift(place);
  return line;
}

function pathOf(node) {
  return lineage(node)
    .filter((place) => !place.isTop)
    .map((place, index, line) => (index + 1 < line.length && !place.name.endsWith("/") ? `${place.name}/` : place.name))
    .join("");
}

// The place in the address: the names below the top, each encoded.
const addressOf = (node) => `#/${lineage(node).slice(1).map((place) => encodeURIComponent(place.name)).join("/")}`;

function nodeAt(address) {
  let place = tree.root;
  for (const part of address.replace(/^#\/?/, "").split("/").filter(Boolean)) {
    let name = part;
    try {
      name = decodeURIComponent(part);
    } catch {
      return place;
    }
    const child = place.children.find((one) => one.name === name && one.isDirectory);
    if (!child) return place;
    place = child;
  }
  return place;
}
