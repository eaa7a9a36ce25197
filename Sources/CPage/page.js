// Assembles the page.

function showHeading() {
  const totals = data.totals;
  document.title = `${data.title} – fsscan`;
  document.getElementById("title").textContent = data.title;
  const facts = document.getElementById("facts");
  const bold = (text) => element("b", "", text);
  if (isGrowth) {
    facts.append(
      bold(signed(bytes, totals.disk_bytes - totals.disk_bytes_before)), ` on disk, ${signed(number, totals.entries - totals.entries_before)} entries · was ${bytes(totals.disk_bytes_before)}, is ${bytes(totals.disk_bytes)}`);
  } else {
    facts.append(
      bold(bytes(totals.disk_bytes)), ` on disk · ${bytes(totals.apparent_bytes)} apparent · `, bold(number(totals.entries)),
      ` entries · scanned ${minute(data.started)} in ${data.elapsed_seconds.toFixed(1)} s`);
  }
  const digests = document.getElementById("digests");
  digests.replaceChildren(...digestsOf(tree.root).map(([name, digest]) => element("span", "", `${name} `, element("span", "digest", digest))));
  digests.hidden = digests.childElementCount === 0;
  const notices = [];
  if (!data.complete) notices.push(isGrowth ? "A side is of a scan that was stopped: the sums are not those of the whole." : "The scan was stopped: this is what was seen until then.");
  if (data.totals.errors > 0) notices.push(`${counted(totals.errors, "thing", "things")} could not be read: see Errors below.`);
  if (data.uncertain) notices.push("Something could not be read on a side: what it holds is not known.");
  const notice = document.getElementById("notice");
  notice.textContent = notices.join(" ");
  notice.hidden = notices.length === 0;
}

showHeading();
offer(document.getElementById("measures"), "measure", isGrowth ? ["disk"] : ["disk", "apparent"], "disk", (measure) => {
  view.measure = measure;
  draw();
});
offer(document.getElementById("colours"), "colour", isGrowth ? ["growth"] : ["kind", "age", "owner"], view.colour, (colour) => {
  view.colour = colour;
  showLegend();
  draw();
});
const repaint = () => {
  showLegend();
  draw();
};
dark.addEventListener("change", repaint);
addEventListener("beforeprint", repaint);
addEventListener("afterprint", repaint);
view.root = nodeAt(location.hash);
showTrail();
showLegend();
showTables();
draw();
