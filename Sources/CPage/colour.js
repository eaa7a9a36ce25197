// Colours: eight hues of Okabe and Ito that most people can distinguish, a ramp of one hue for age, blue and orange for
// growth. Each is mixed with the background until text on it has a contrast of 4.5.

const dark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => dark.matches && !matchMedia("print").matches;

// The relative luminance of the Web Content Accessibility Guidelines.
function luminance(parts) {
  const [red, green, blue] = parts.map((part) => {
    const value = part / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function mixed(hue, share) {
  const [ground, text] = isDark() ? [[20, 23, 27], [232, 234, 237]] : [[255, 255, 255], [27, 31, 36]];
  const parts = [1, 3, 5].map((at, index) =>
    Math.round(parseInt(hue.slice(at, at + 2), 16) * share + ground[index] * (1 - share)));
  const [less, more] = [luminance(parts), luminance(text)].sort((one, other) => one - other);
  return (more + 0.05) / (less + 0.05) < 4.6 ? mixed(hue, share - 0.03) : `rgb(${parts.join(", ")})`;
}

const strong = () => (isDark() ? 0.5 : 0.55);
const hues = {
  orange: "#e69f00", sky: "#56b4e9", green: "#009e73", yellow: "#f0e442", blue: "#0072b2", red: "#d55e00",
  purple: "#cc79a7", grey: "#8a939c",
};

const kinds = [
  ["images", "sky", "png jpg jpeg gif svg webp tif tiff bmp ico heic avif raw cr2 nef dng psd xcf svgz"],
  ["video and sound", "purple", "mp4 mkv avi mov webm mpg mpeg ts m4v mp3 flac ogg opus wav m4a aac"],
  ["archives", "orange", "zip gz bz2 xz zst tar tgz 7z rar jar whl deb rpm iso lz4 br cab dmg apk crate"],
  ["documents", "yellow", "pdf doc docx odt xls xlsx ods ppt pptx odp txt md rst html htm epub ps tex csv tsv xml po mo"],
  ["code", "green", "c h cc cpp hpp rs go py js mjs ts tsx java kt swift rb pl sh lua php css scss sql json yaml yml toml pyc map"],
  ["programs and libraries", "blue", "so a o ko exe dll dylib bin elf rlib rmeta swiftmodule class node wasm efi fw hmac"],
  ["databases and disks", "red", "db sqlite sqlite3 mdb qcow2 vmdk vdi img raw dat pack idx parquet h5 nc npy bak dump log journal"],
];
const kindOf = new Map(kinds.flatMap(([name, hue, list]) => list.split(" ").map((ending) => [ending, { name, hue }])));
const otherKind = { name: "other", hue: "grey" };

// An extension as the scanner finds it: trailing numbers do not count.
function extension(name) {
  return /.\.([0-9a-z]{1,16})$/i.exec(name.replace(/(.)(\.[0-9]+)+$/, "$1"))?.[1].toLowerCase() ?? "";
}

const ages = [
  ["< 1 day", 1], ["< 7 days", 7], ["< 30 days", 30], ["< 90 days", 90], ["< 1 year", 365], ["< 2 years", 730],
  ["< 5 years", 1825], ["older", Infinity],
];
const ownerHues = ["blue", "orange", "green", "purple", "sky", "red", "yellow"];
const ownerOrder = (data.owners ?? []).map((owner) => owner.uid);

// By the name of the choice: the colour of a node, and the legend.
const colourings = {
  kind: {
    of(node) {
      if (node.isDirectory) return mixed(hues.grey, 0.28);
      const kind = kindOf.get(extension(node.name)) ?? otherKind;
      return mixed(hues[kind.hue], strong());
    },
    legend: () => [...kinds.map(([name, hue]) => [name, mixed(hues[hue], strong())]), ["other", mixed(hues.grey, strong())]],
  },
  age: {
    of(node) {
      const days = (data.now - node.time) / 86400;
      return days < 0 ? mixed(hues.red, strong()) : ageColour(ages.findIndex(([, limit]) => days < limit));
    },
    legend: () => [...ages.map(([name], index) => [name, ageColour(index)]), ["in the future", mixed(hues.red, strong())]],
  },
  owner: {
    of: (node) => ownerColour(ownerOrder.indexOf(node.owner)),
    legend: () => ownerOrder.slice(0, 8).map((uid, index) => [index < 7 ? owners.get(uid) : "others", ownerColour(index)]),
  },
  growth: {
    of(node) {
      const change = node.disk - node.was;
      const share = Math.abs(change) / Math.max(node.disk, node.was, 1);
      return mixed(change < 0 ? hues.blue : change > 0 ? hues.red : hues.grey, change === 0 ? 0.38 : 0.25 + 0.4 * share);
    },
    legend: () => [
      ["less", mixed(hues.blue, 0.65)], ["a little less", mixed(hues.blue, 0.25)], ["the same", mixed(hues.grey, 0.38)],
      ["a little more", mixed(hues.red, 0.25)], ["more", mixed(hues.red, 0.65)],
    ],
  },
};

const ageColour = (index) => mixed(hues.blue, (isDark() ? 0.62 : 0.5) * (1 - index / (ages.length + 0.5)) + 0.06);
const ownerColour = (index) => mixed(index >= 0 && index < 7 ? hues[ownerHues[index]] : hues.grey, strong());
