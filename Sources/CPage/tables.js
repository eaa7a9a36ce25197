// The panel beside the map, and the tables below it.

const panel = document.getElementById("details");

function showDetails(node) {
  const rows = [];
  const add = (name, value) => rows.push(element("dt", "", name), element("dd", "", value));
  const whole = view.root;
  if (isGrowth) {
    add("was", bytes(node.was));
    add("is", bytes(node.disk));
    add("entries", `${number(node.entries ?? 0)} (${signed(number, (node.entries ?? 0) - node.entriesBefore)})`);
  } else {
    add("on disk", bytes(node.disk));
    add("apparent", bytes(node.apparent));
    if (node.isDirectory || node.isRest) add("entries", number(node.entries));
    else add("kind", (kindOf.get(extension(node.name)) ?? otherKind).name);
    if (!node.isTop && !node.isRest) {
      if (node.owner !== undefined) add("owner", owners.get(node.owner) ?? String(node.owner));
      if (node.time !== null) add(node.isDirectory ? "newest below" : "changed", `${minute(node.time)}, ${ago(node.time)}`);
    }
    for (const [name, digest] of digestsOf(node)) rows.push(element("dt", "of-digest", name), element("dd", "digest", digest));
    if (node.isLinked) add("links", "one of several names of its inode, which counts once in each directory above");
  }
  if (tree.root !== whole && node !== whole) add(`of ${tree.root.name}`, percent(amount(node), amount(tree.root)));
  const heading = node.isRest ? `${node.name} in ${pathOf(node.parent)}` : pathOf(node) || node.name;
  panel.replaceChildren(
    element("h2", "", heading),
    element("div", "size", sizeText(node)),
    element("div", "share", node === whole ? "all that is shown" : `${percent(amount(node), amount(whole))} of ${pathOf(whole) || whole.name}`),
    element("dl", "", ...rows));
}

function showTrail() {
  const trail = document.getElementById("trail");
  trail.replaceChildren(...lineage(view.root).map((place) => {
    const button = element("button", "", place.name);
    button.type = "button";
    button.title = pathOf(place);
    if (place === view.root) button.setAttribute("aria-current", "location");
    button.addEventListener("click", () => enter(place));
    return button;
  }));
}

function showLegend() {
  document.getElementById("legend").replaceChildren(...colourings[view.colour].legend().map(([name, colour]) => {
    const patch = element("i");
    patch.style.backgroundColor = colour;
    return element("span", "", patch, name);
  }));
}

// A choice among a few: radio buttons.
function offer(fieldset, name, choices, chosen, change) {
  if (choices.length < 2) {
    fieldset.hidden = true;
    return;
  }
  for (const choice of choices) {
    const input = element("input");
    Object.assign(input, { type: "radio", name, value: choice, checked: choice === chosen });
    input.addEventListener("change", () => change(choice));
    fieldset.append(element("label", "", input, choice));
  }
}

// MARK: Search

const query = document.getElementById("query");
const results = document.getElementById("results");
const mostResults = 40;

function search() {
  const wanted = query.value.toLowerCase();
  const found = wanted === "" ? [] : tree.nodes.filter((node) => node.name.toLowerCase().includes(wanted));
  results.hidden = wanted === "";
  const hits = new Set(found);
  for (const [node, { cell }] of view.cells) cell.classList.toggle("hit", hits.has(node));
  const count = found.length > mostResults ? `${counted(found.length, "name", "names")}, the largest:` : counted(found.length, "name", "names");
  const items = found.slice(0, mostResults).map((node) => {
    const button = element("button", "", element("b", "", sizeText(node)), element("span", "", pathOf(node)));
    button.type = "button";
    button.addEventListener("click", () => {
      enter(node.isDirectory && node.children.length > 0 ? node : node.parent ?? node, node);
      mapElement.focus();
    });
    return element("li", "", button);
  });
  results.replaceChildren(
    element("p", "quiet", found.length > 0 ? count : "No name of the map has this; smaller entries have none here."),
    element("ol", "", ...items));
}

query.addEventListener("input", search);
document.getElementById("search").addEventListener("submit", (event) => {
  event.preventDefault();
  results.querySelector("button")?.focus();
});
query.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  query.value = "";
  search();
  mapElement.focus();
});
addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  query.focus();
});

// MARK: Tables

// A column has a heading, a function for a cell's text, and whether that is a number; a bar shows the share of the
// largest.
function table(caption, columns, rows, bar, note) {
  const headings = columns.map(([heading, , isNumber]) => {
    const cell = element("th", isNumber ? "number" : "", heading);
    cell.scope = "col";
    return cell;
  });
  const largest = Math.max(1, ...rows.map((row) => Math.abs(bar(row))));
  const lines = rows.map((row) => {
    const cells = columns.map(([, text, isNumber], index) =>
      element("td", isNumber ? "number" : index === columns.length - 1 ? "name" : "", text(row)));
    const share = element("div", isGrowth ? (bar(row) < 0 ? "less" : "more") : "");
    share.style.width = `${(100 * Math.abs(bar(row))) / largest}%`;
    cells.splice(1, 0, element("td", "chart", share));
    return element("tr", "", ...cells);
  });
  headings.splice(1, 0, element("td", "chart"));
  const made = element("table", "", element("caption", "", caption), element("thead", "", element("tr", "", ...headings)), element("tbody", "", ...lines));
  const parts = [made];
  if (note) parts.push(element("p", "quiet", note));
  return parts;
}

const disk = ["on disk", (row) => bytes(row.disk_bytes), true];
const apparent = ["apparent", (row) => bytes(row.apparent_bytes), true];
const files = ["files", (row) => number(row.files), true];
const entries = ["entries", (row) => number(row.entries), true];
const path = ["path", (row) => row.path];
const byDisk = (row) => row.disk_bytes;
const more = (count, what) => (count > 0 ? `${number(count)} more ${what} are not on this page: the JSON report has them.` : "");

function sizeName(size) {
  if (size === null) return "unknown";
  return size === 0 ? "empty" : `from ${size < 1024 ? `${size} B` : bytes(size).replace(".0", "")}`;
}

function growthTables() {
  const change = (name, key, write) => [name, (row) => signed(write, row[key]), true];
  const columns = [
    change("on disk", "disk_bytes", bytes), change("apparent", "apparent_bytes", bytes), change("entries", "entries", number),
    ["", (row) => row.change], ["directory", (row) => row.path],
  ];
  const entryColumns = [
    change("on disk", "disk_bytes", bytes), change("apparent", "apparent_bytes", bytes),
    ["", (row) => row.change], ["fields", (row) => row.fields], ["entry", (row) => row.path],
  ];
  const note = more(data.more_changed_entries, "entries");
  return [
    ["What changed", () => table("The directories that changed most", columns, data.directories, byDisk, more(data.more_directories, "directories"))],
    ["Entries", () => table("The entries that differ; what moved was removed and added", entryColumns, data.changed_entries, byDisk, note)],
  ];
}

function scanTables() {
  const ageNames = { "1d": 0, "7d": 1, "30d": 2, "90d": 3, "1y": 4, "2y": 5, "5y": 6, older: 7 };
  const ageName = (row) => (row.age === null ? "unknown" : row.age === "future" ? "in the future" : ages[ageNames[row.age]][0]);
  const kindRows = [...data.extensions, ...(data.other_extensions.files > 0 ? [{ ...data.other_extensions, extension: null }] : [])];
  const extensionName = (row) => (row.extension === null ? "others" : row.extension === "" ? "(none)" : `.${row.extension}`);
  const owner = (key) => [key, (row) => row.name ?? String(row[key === "user" ? "uid" : "gid"])];
  const tables = [
    ["Largest directories", () => table("Of whole subtrees", [disk, apparent, entries, path], data.largest_directories, byDisk)],
    ["Largest files", () => table("Each inode once", [disk, apparent, path], data.largest_files, byDisk)],
    ["Kinds", () => table("By extension", [disk, apparent, files, ["extension", extensionName]], kindRows, byDisk)],
    ["Owners", () => [
      ...table("Users", [disk, apparent, entries, owner("user")], data.owners, byDisk),
      ...table("Groups", [disk, apparent, entries, owner("group")], data.groups, byDisk)]],
    ["Ages", () => table(`By mtime, relative to ${minute(data.now)}`, [disk, apparent, files, ["age", ageName]], data.ages, byDisk)],
    ["Sizes", () => table("By size", [disk, apparent, files, ["size", (row) => sizeName(row.size)]], data.sizes, byDisk)],
  ];
  if (data.mime_types.length > 0) {
    tables.splice(3, 0, ["MIME types", () => table("As libmagic tells them", [disk, apparent, files, ["type", (row) => row.type]], data.mime_types, byDisk)]);
  }
  if (data.roots.length > 1) {
    tables.unshift(["PATHs", () => table("Each as if alone", [disk, apparent, entries, path], data.roots, byDisk, more(data.more_roots, "PATHs"))]);
  }
  if (data.totals.errors > 0) {
    const columns = [["operation", (row) => row.operation], ["message", (row) => row.message], path];
    tables.push([`Errors (${number(data.totals.errors)})`, () => {
      const parts = table("What could not be read", columns, data.errors, () => 0, more(data.totals.errors - data.errors.length, "errors"));
      for (const cell of parts[0].querySelectorAll(".chart")) cell.remove();
      return parts;
    }]);
  }
  return tables;
}

function about() {
  const rows = data.about.flatMap(([name, value]) => [element("dt", "", name), element("dd", "", value)]);
  const licence = document.getElementById("licence").textContent;
  return [
    element("div", "about", element("dl", "", ...rows)),
    element("p", "quiet", "The map is laid out by d3-hierarchy, which comes with this licence:"), element("pre", "", licence)];
}

function showTables() {
  const list = [...(isGrowth ? growthTables() : scanTables()), ["About", about]];
  const tabs = document.getElementById("tabs");
  const place = document.getElementById("tables");
  const buttons = list.map(([name], index) => {
    const button = element("button", "", name);
    Object.assign(button, { type: "button", id: `tab-${index}` });
    button.setAttribute("role", "tab");
    button.setAttribute("aria-controls", "tables");
    button.addEventListener("click", () => show(index));
    return button;
  });
  const show = (index) => {
    buttons.forEach((button, at) => {
      button.setAttribute("aria-selected", String(at === index));
      button.tabIndex = at === index ? 0 : -1;
    });
    place.setAttribute("aria-labelledby", buttons[index].id);
    place.replaceChildren(element("div", "table", ...list[index][1]()));
  };
  tabs.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = (buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length;
    show(next);
    buttons[next].focus();
  });
  place.setAttribute("role", "tabpanel");
  place.tabIndex = 0;
  tabs.append(...buttons);
  show(0);
}
