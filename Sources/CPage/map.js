// The treemap: d3-hierarchy lays out the cells; this draws the visible ones, and moves the selection.

const view = { root: tree.root, here: null, hovered: null, measure: "disk", colour: isGrowth ? "growth" : "kind", cells: new Map() };
const mapElement = document.getElementById("map");

// The outline of the selected cell is drawn last: the cells in a directory would cover its own.
const cursor = element("div", "cursor");
cursor.setAttribute("aria-hidden", "true");

// The maximum number of drawn cells; smaller ones are part of their directory's background.
const mostCells = 5000;

// For growth, the old size counts, too; otherwise removed entries would be invisible.
const amount = (node) => (view.measure === "apparent" ? node.apparent : Math.max(node.disk, node.was ?? 0));

function layOut(width, height) {
  const hierarchy = d3.hierarchy(view.root, (node) => (node.children.length > 0 ? node.children : null));
  // Not added up from the children: a hard-linked file counts in two directories, but once in the directory above both.
  hierarchy.value = amount(view.root);
  hierarchy.eachBefore((item) => {
    if (!item.children) return;
    const sum = item.children.reduce((total, child) => total + amount(child.data), 0);
    const scale = item.value / Math.max(sum, amount(item.data), 1);
    for (const child of item.children) child.value = amount(child.data) * scale;
    item.children.sort((one, other) => other.value - one.value);
  });
  const isRoomy = (item) => item.x1 - item.x0 > 56 && item.y1 - item.y0 > 44;
  d3.treemap().tile(d3.treemapSquarify).size([width, height]).paddingInner(2)
    .paddingOuter((item) => (item.parent && isRoomy(item) ? 3 : 0))
    .paddingTop((item) => (item.parent && isRoomy(item) ? 19 : 0))(hierarchy);
  return hierarchy;
}

function draw() {
  const { width, height } = mapElement.getBoundingClientRect();
  const hierarchy = layOut(width, height);
  const area = (item) => (item.x1 - item.x0) * (item.y1 - item.y0);
  const seen = [];
  const pending = [...(hierarchy.children ?? [])];
  // Breadth first, so that a directory's contents are drawn on top of it.
  for (let index = 0; index < pending.length; index += 1) {
    const item = pending[index];
    if (item.x1 - item.x0 < 2 || item.y1 - item.y0 < 2 || area(item) < 12) continue;
    seen.push(item);
    if (item.children && area(item) > 100) pending.push(...item.children);
  }
  // A directory is larger than its contents.
  const least = seen.length > mostCells ? seen.map(area).sort((one, other) => other - one)[mostCells - 1] : 0;
  const drawn = seen.filter((item) => area(item) >= least);
  view.cells = new Map();
  const fragment = document.createDocumentFragment();
  for (const [index, item] of drawn.entries()) fragment.append(makeCell(item, index, width, height));
  mapElement.replaceChildren(fragment, cursor);
  if (drawn.length === 0) mapElement.append(element("p", "empty", "Nothing here takes any room."));
  choose(view.cells.has(view.here) ? view.here : drawn[0]?.data ?? null);
}

function makeCell(item, index, width, height) {
  const node = item.data;
  const [w, h] = [item.x1 - item.x0, item.y1 - item.y0];
  const cell = element("div", `cell ${node.isRest ? "rest" : node.isDirectory ? "directory" : "file"}`);
  cell.id = `cell-${index}`;
  Object.assign(cell.style, {
    left: `${(100 * item.x0) / width}%`, top: `${(100 * item.y0) / height}%`,
    width: `${(100 * w) / width}%`, height: `${(100 * h) / height}%`,
  });
  const isFrame = node.isDirectory && item.children && h > 44 && w > 56;
  if (!node.isRest && (!isFrame || isGrowth)) cell.style.backgroundColor = colourings[view.colour].of(node);
  // Without room for a heading, the contents would cover the directory's name.
  if (w > 34 && h > 16 && (isFrame || !item.children)) {
    cell.append(element("span", "", node.name));
    if (!isFrame && h > 34 && w > 56) cell.append(element("span", "", sizeText(node)));
  } else {
    cell.style.padding = "0";
  }
  cell.setAttribute("role", "treeitem");
  cell.setAttribute("aria-level", String(item.depth));
  cell.setAttribute("aria-label", `${node.name}, ${sizeText(node)}, ${percent(amount(node), amount(view.root))}`);
  view.cells.set(node, { cell, item });
  cell.node = node;
  return cell;
}

const sizeText = (node) => (isGrowth ? signed(bytes, node.disk - node.was) : bytes(node[view.measure]));

// The selected cell, which the panel describes.
function choose(node) {
  const before = view.cells.get(view.here);
  before?.cell.removeAttribute("aria-selected");
  view.here = node;
  const now = view.cells.get(node);
  now?.cell.setAttribute("aria-selected", "true");
  cursor.hidden = !now;
  if (now) for (const side of ["left", "top", "width", "height"]) cursor.style[side] = now.cell.style[side];
  if (now) mapElement.setAttribute("aria-activedescendant", now.cell.id);
  else mapElement.removeAttribute("aria-activedescendant");
  showDetails(node ?? view.root);
}

function enter(node, chosen = null) {
  if (!node?.isDirectory) return;
  view.root = node;
  view.here = chosen;
  if (location.hash !== addressOf(node) && !(node === tree.root && !location.hash)) history.pushState(null, "", addressOf(node));
  showTrail();
  draw();
}

function leave() {
  if (view.root.parent) enter(view.root.parent, view.root);
}

// The nearest cell of the same directory in that direction.
function move(dx, dy) {
  const from = view.cells.get(view.here)?.item;
  if (!from) return;
  const middle = (item) => [(item.x0 + item.x1) / 2, (item.y0 + item.y1) / 2];
  const [x, y] = middle(from);
  let best = null;
  let bestDistance = Infinity;
  for (const sibling of from.parent.children) {
    if (sibling === from || !view.cells.has(sibling.data)) continue;
    // A cell that begins beyond the edge is in that direction; sideways distance counts more.
    const isThere = dx > 0 ? sibling.x0 >= from.x1 - 3 : dx < 0 ? sibling.x1 <= from.x0 + 3
      : dy > 0 ? sibling.y0 >= from.y1 - 3 : sibling.y1 <= from.y0 + 3;
    const [toX, toY] = middle(sibling);
    const [ahead, aside] = dx !== 0 ? [Math.abs(toX - x), Math.abs(toY - y)] : [Math.abs(toY - y), Math.abs(toX - x)];
    if (isThere && ahead + 2 * aside < bestDistance) [best, bestDistance] = [sibling.data, ahead + 2 * aside];
  }
  if (best) choose(best);
}

const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

mapElement.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const step = steps[event.key];
  if (step) move(...step);
  else if (event.key === "Enter") enter(view.here);
  else if (event.key === "Backspace" || event.key === "Escape") leave();
  else if (event.key === "Home") choose(view.root.children.find((node) => view.cells.has(node)) ?? null);
  else return;
  event.preventDefault();
});

mapElement.addEventListener("click", (event) => {
  const node = event.target.closest(".cell")?.node;
  if (!node) return;
  // A file opens its directory, and is selected there.
  if (node.isDirectory) enter(node);
  else if (node.parent !== view.root) enter(node.parent, node);
  else choose(node);
});

mapElement.addEventListener("pointermove", (event) => {
  const node = event.target.closest(".cell")?.node;
  if (node && node !== view.here && event.pointerType === "mouse") choose(node);
});

addEventListener("popstate", () => {
  view.root = nodeAt(location.hash);
  view.here = null;
  showTrail();
  draw();
});

let resizing = 0;
new ResizeObserver(() => {
  cancelAnimationFrame(resizing);
  resizing = requestAnimationFrame(draw);
}).observe(mapElement);
