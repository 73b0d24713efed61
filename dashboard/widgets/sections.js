// The sections of a chart with many calls: how many calls have each outcome, which rows are drawn, and
// what the folded ones contain. A click asks the server for another section. While the calls of a
// fan-out are shown, another click leads back to all steps.

const BAD = new Set(["failed", "timed out"]);

function counted(number) {
  return number.toLocaleString("en");
}

function outcomeButton(state, outcome, count) {
  const name = outcome ?? "all";
  return element("button", {
    class: BAD.has(outcome) ? "outcome red" : "outcome", "data-focus": name,
    "aria-pressed": String(state.data.outcome === outcome),
    onclick: () => choose(state, outcome, 0),
  }, name[0].toUpperCase() + name.slice(1), element("span", { class: "count" }, counted(count)));
}

function stepButton(state, words, sign, first) {
  const { outcome, matching } = state.data;
  return element("button", { title: words, "aria-label": words, disabled: first < 0 || first >= matching,
    onclick: () => choose(state, outcome, first) }, sign);
}

function rangeSelect(state) {
  const { outcome, first, size, matching } = state.data;
  const select = element("select", { "aria-label": "Rows that are drawn",
    onchange: () => choose(state, outcome, Number(select.value)) });
  for (let from = 0; from < matching; from += size) {
    const words = `Rows ${counted(from + 1)}–${counted(Math.min(from + size, matching))}`;
    select.append(element("option", { value: from, selected: from === first }, words));
  }
  return select;
}

function choose(state, outcome, first, fanOut = state.data.fanOut) {
  state.setTriggerValue("choose", { outcome, first, fanOut });
}

function openedWords(state) {
  return element("div", { class: "opened" },
    element("button", { onclick: () => choose(state, null, 0, null) }, "‹ All steps"), element("strong", {}, state.data.opened));
}

function foldedWords(folded) {
  const all = folded.reduce((sum, [, count]) => sum + count, 0);
  const words = folded.map(([outcome, count]) => `${counted(count)} ${outcome}`).join(", ");
  return `Folded: ${counted(all)} ${all === 1 ? "row" : "rows"} (${words}).`;
}

function outcomes(state) {
  const { counts } = state.data, all = counts.reduce((sum, [, count]) => sum + count, 0);
  return element("div", { class: "outcomes", role: "group", "aria-label": "Filter rows by outcome" },
    outcomeButton(state, null, all), ...counts.map(([outcome, count]) => outcomeButton(state, outcome, count)));
}

function range(state) {
  const { first, size, matching } = state.data;
  return element("div", { class: "range" },
    stepButton(state, "Previous rows", "‹", first - size), rangeSelect(state),
    stepButton(state, "Next rows", "›", first + size), element("span", { class: "muted" }, `of ${counted(matching)}`));
}

const GROUPS = { opened: openedWords, outcomes, range, folded: (state) => element("span", { class: "folded muted" }, foldedWords(state.data.folded)) };

// Makes the elements of a group again only if their data changed: an open list stays open.
function showComponent(component) {
  const state = stateOf(component, () => ({ root: element("div", { class: "widget sections" }) }));
  state.setTriggerValue = component.setTriggerValue;
  state.data = component.data;
  const { outcome, counts, first, size, matching, folded, opened } = state.data;
  const groups = [
    opened && ["opened", opened],
    ["outcomes", [outcome, counts]],
    matching > size && ["range", [outcome, first, matching]],
    folded.length > 0 && ["folded", folded],
  ].filter(Boolean);
  setRows(state.root, groups, ([name]) => GROUPS[name](state));
}
