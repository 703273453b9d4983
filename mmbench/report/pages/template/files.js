/* Files that the page holds, gzipped. They are read when one of them is asked for. */
const TYPES = { csv: "text/csv", tex: "text/x-tex", md: "text/markdown", svg: "image/svg+xml", pdf: "application/pdf" };
let held = null;

async function contentOf(path) {
  held ??= JSON.parse(byId("files").textContent);
  const packed = Uint8Array.from(atob(held[path]), (sign) => sign.charCodeAt(0));
  const plain = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(plain).blob();
}

/* A section offers a file of its own whether or not the page has room for it. */
for (const button of document.querySelectorAll(".acts [data-file]")) {
  button.hidden = !byId("files")?.textContent.includes(JSON.stringify(button.dataset.file));
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-file]");
  if (!button) return;
  const path = button.dataset.file;
  save(path.split("/").at(-1), await contentOf(path), TYPES[path.split(".").at(-1)] ?? "application/octet-stream");
});
