/* Where the address names an MLflow experiment (#runs=http://…/#/experiments/1; `mmbench ui` prints it), trial ids lead
   to their runs. The page itself knows no server, and asks none. */
const TRIAL = /^[0-9a-f]{16}$/;

function experiment() {
  try {
    const address = new URL(state.get("runs") ?? "");
    return ["http:", "https:"].includes(address.protocol) ? address.href : null;
  } catch {
    return null;
  }
}

function linkTrials() {
  const place = experiment();
  if (!place) return;
  for (const code of all("code")) {
    const id = code.textContent.trim();
    if (!TRIAL.test(id) || code.closest("a")) continue;
    // Sorted by time, MLflow would fold the run below its parent.
    const query = {
      workflowType: "machine_learning",
      searchFilter: `tags.trial_id = '${id}'`,
      orderByKey: "tags.`trial_id`",
    };
    const href = `${place}/runs?${new URLSearchParams(query)}`;
    const link = make("a", { href, target: "_blank", rel: "noopener", title: "its run in MLflow" });
    code.replaceWith(link);
    link.append(code);
  }
}

listeners.push(linkTrials);
linkTrials();
