// The form of an order. What is typed is a draft in the storage of the tab: it survives Back, a reload
// and a restart of the server, until an order with the same texts is accepted. The server reads and checks all texts.

const DRAFT = "flowdeck-order-draft";
const ANSWER_TIMEOUT = 10000; // milliseconds; a submission without an answer by then may be repeated
const UNANSWERED = "The dashboard has not answered. Submit again: the same order is started only once.";
const PER_ORDER = 300; // milliseconds; a large batch may take longer

function readDraft() {
  try {
    return JSON.parse(sessionStorage.getItem(DRAFT));
  } catch { // no storage, or not written by this script
    return null;
  }
}

function writeDraft(draft) {
  try {
    if (draft === null) sessionStorage.removeItem(DRAFT);
    else sessionStorage.setItem(DRAFT, JSON.stringify(draft));
  } catch { /* without storage the form works, but forgets */ }
}

function create({ data }) {
  const state = { data, fields: {}, waiting: null, path: location.pathname, root: element("form", { class: "widget order", novalidate: true, autocomplete: "off" }) };
  const listener = (event) => { state.opensOther ||= opensOtherPage(event, state.path); };
  addEventListener("click", listener);
  const left = element("div", {},
    makeField(state, "order_id", "Order id", { type: "text", spellcheck: "false" }),
    element("div", { class: "pair" },
      makeField(state, "amount", "Amount ($)", { type: "text", inputmode: "decimal" }),
      makeField(state, "count", "How many", { type: "text", inputmode: "numeric" })),
    makeField(state, "start", "Start at", { type: "datetime-local", max: "9999-12-31T23:59" }, element("span", { class: "muted zone" })));
  state.list = element("div", { class: "list", role: "list" });
  state.itemsHint = element("div", { class: "hint", id: "items-hint", "aria-live": "polite" });
  const right = element("div", {}, element("div", { class: "label" }, "Items"), state.list, state.itemsHint);
  state.button = element("button", { type: "submit", class: "submit" });
  state.summary = element("div", { class: "summary", "aria-live": "polite" });
  state.answer = element("div", { class: "answer", role: "alert", hidden: true });
  state.root.append(element("div", { class: "columns" }, left, right), element("div", { class: "last" }, state.button, state.summary), state.answer);
  state.root.addEventListener("submit", (event) => { event.preventDefault(); submit(state, typedOrder(state)); });
  state.stop = () => {
    clearTimeout(state.timer);
    removeEventListener("click", listener);
  };
  restore(state);
  return state;
}

// Returns true if a click opens another page of the app. `location` changes too late to tell.
function opensOtherPage(event, path) {
  const way = event.composedPath().find(({ tagName, dataset }) => tagName === "A" || dataset?.testid === "stLogoLink");
  return way?.tagName === "A" ? event.defaultPrevented && way.pathname !== path : Boolean(way);
}

function makeField(state, name, label, attributes, note = null) {
  const field = element("input", { ...attributes, id: name, "aria-label": label, "aria-describedby": `${name}-hint` });
  const hint = element("div", { class: "hint", id: `${name}-hint`, "aria-live": "polite" });
  state.fields[name] = { field, hint, note };
  // Browsers send no input event for an incomplete time, only key events.
  for (const event of name === "start" ? ["input", "change", "keyup", "blur"] : ["input"]) field.addEventListener(event, () => edited(state, name));
  return element("div", { class: name }, element("label", { class: "label", for: name }, label, " ", note), field, hint);
}

// Fills the fields from the draft, or for a new order. An accepted draft is forgotten here too: its
// answer may have come after the page was left.
function restore(state) {
  const { data } = state, draft = settleDraft(data);
  state.submission = draft?.submission ?? null;
  state.submitted = draft?.submitted ?? null;
  state.failed = draft?.failed ?? null;
  if (state.failed) tellFailure(state);
  else if (state.submitted && state.submission !== data.outcome?.submission) tell(state, UNANSWERED);
  const values = draft ?? { ...data.first, order_id: data.suggested, start: "" };
  state.suggested = draft ? draft.suggested : data.suggested;
  for (const name of Object.keys(state.fields)) state.fields[name].field.value = values[name] ?? "";
  state.list.replaceChildren(...(values.items ?? []).map((text) => makeRow(state, text)));
  state.typedStart = JSON.stringify(startOf(state));
  grow(state);
}

// Ends the draft that an accepted submission has sent, and returns the draft that remains: the texts of
// another order stay, but not the suggested id that was used.
function settleDraft({ outcome, suggested }) {
  const draft = readDraft();
  if (!draft?.submission || draft.submission !== outcome?.submission || !outcome.href) return draft;
  if (textsOf(draft) === draft.submitted) writeDraft(null);
  else writeDraft({ ...draft, submission: null, ...(draft.order_id === draft.suggested ? { order_id: suggested, suggested } : {}) });
  return readDraft();
}

// Returns the texts of an order, to compare them.
function textsOf({ order_id, amount, count, items, start }) {
  return JSON.stringify([order_id, amount, count, items, start.text ?? start]);
}

function startOf({ fields: { start: { field } } }) {
  return { text: field.value, is_incomplete: field.validity.badInput };
}

function values(state) {
  const { order_id, amount, count } = state.fields;
  return {
    order_id: order_id.field.value, amount: amount.field.value, count: count.field.value,
    items: itemFields(state).map((field) => field.value).filter((text) => text !== ""),
  };
}

function keep(state) {
  writeDraft({ ...values(state), start: state.fields.start.field.value, suggested: state.suggested, submission: state.submission, submitted: state.submitted, failed: state.failed });
}

function edited(state, name) {
  if (name === "start") {
    const start = startOf(state), text = JSON.stringify(start);
    if (text === state.typedStart) return;
    state.typedStart = text;
    state.component.setStateValue("start", start); // the server describes it
  }
  state.mistakes = { ...state.mistakes, [name]: undefined };
  keep(state);
  show(state);
}

function typedOrder(state) {
  const typed = { ...values(state), start: startOf(state) };
  // A submission is repeated if its answer was lost, or if it has not started all orders.
  return { ...typed, is_new_id: typed.order_id.trim() === state.suggested || textsOf(typed) === state.submitted };
}

function submit(state, typed) {
  if (state.waiting) return;
  state.submission = state.waiting = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
  state.submitted = textsOf(typed);
  state.failed = null;
  state.opensOther = false;
  keep(state);
  state.mistakes = {};
  state.answer.hidden = true;
  clearTimeout(state.timer);
  state.timer = setTimeout(() => {
    state.waiting = null;
    tell(state, UNANSWERED);
    show(state);
  }, ANSWER_TIMEOUT + PER_ORDER * numberOf(typed.count));
  state.sent = { ...typed, submission: state.submission };
  state.sentAfter = state.data.scriptRun;
  state.component.setTriggerValue("submit", state.sent);
  show(state);
}

// Sends a submission again, once, if a later script run has no result for it: Streamlit drops a message
// if the next one arrives before its script run has begun.
function sendAgain(state) {
  const { outcome, scriptRun } = state.data;
  if (!state.waiting || state.waiting === outcome?.submission || scriptRun === state.sentAfter || !state.sent) return;
  if (isElsewhere(state)) return;
  state.component.setTriggerValue("submit", { ...state.sent, is_new_id: true });
  state.sent = null;
}

// Returns true if the viewer has opened another page; the address changes only later.
function isElsewhere({ opensOther, path }) {
  return opensOther || location.pathname !== path;
}

// Shows the answer to the last submission once. If the viewer has opened another page meanwhile, that
// page stays.
function answer(state) {
  const { outcome } = state.data;
  if (!outcome || outcome.submission !== state.submission || outcome.submission === state.answered) return;
  const isAwaited = outcome.submission === state.waiting;
  state.answered = outcome.submission;
  clearTimeout(state.timer);
  if (outcome.href) { // the button stays disabled while the browser leaves
    settleDraft(state.data);
    if (!isElsewhere(state)) navigate(new URL(outcome.href, document.baseURI).href);
    state.isLeft = true;
    return;
  }
  state.waiting = null;
  state.mistakes = outcome.mistakes;
  state.failed = outcome.error ? outcome : null;
  if (!outcome.link && !outcome.retry.length) state.submitted = null; // refused
  keep(state);
  if (state.failed) tellFailure(state);
  show(state);
  if (isAwaited) state.root.querySelector('[aria-invalid="true"]')?.focus();
}

// Offers another order if the form is opened again before Streamlit has removed it.
function reopen(state) {
  if (!state.isLeft || location.pathname !== state.path) return;
  state.isLeft = false;
  state.waiting = null;
  restore(state);
}

function tell(state, text, ...ways) {
  const offered = ways.filter(Boolean);
  state.answer.replaceChildren(element("p", {}, text), ...(offered.length ? [element("div", { class: "ways" }, ...offered)] : []));
  state.answer.hidden = false;
}

function tellFailure(state) {
  tell(state, state.failed.error, linkOf(state.failed), retryButton(state, state.failed));
}

function linkOf({ link }) {
  return link && pageLink({ href: new URL(link, document.baseURI).href }, "Show the submitted orders");
}

// Returns a button that submits the same texts again, for the orders that may not have been started.
function retryButton(state, { retry, typed }) {
  if (!retry.length) return null;
  const words = retry.length === 1 ? "Retry 1 order" : `Retry ${retry.length} orders`;
  return element("button", { type: "button", class: "retry", onclick: () => submit(state, { ...typed, only: retry }) }, words);
}

const HINTS = {
  order_id: () => "Letters, digits, _ and -",
  amount: () => "At most 2 decimals",
  count: ({ data }) => `1 to ${data.maxBatch} orders`,
  start: ({ data, fields: { start: { field } } }) => {
    if (field.validity.badInput) return "";
    if (field.value === "") return "Empty: now";
    return data.start.text === field.value ? data.start.note : "";
  },
};

function show(state) {
  const { data, fields } = state, mistakes = { ...state.mistakes };
  const start = fields.start.field;
  if (data.start.mistake && start.value !== "" && data.start.text === start.value) mistakes.start ??= { text: data.start.mistake };
  for (const [name, { field, hint }] of Object.entries(fields)) {
    setHint(hint, mistakes[name]?.text, HINTS[name](state));
    field.setAttribute("aria-invalid", String(Boolean(mistakes[name])));
  }
  fields.start.note.textContent = `(${data.zone})`;
  setHint(state.itemsHint, mistakes.items?.text, "");
  itemFields(state).forEach((field, index) => {
    field.setAttribute("aria-invalid", String(Boolean(mistakes.items) && index === (mistakes.items.item ?? 0)));
  });
  showSummary(state);
}

function setHint(hint, mistake, text) {
  hint.classList.toggle("mistake", Boolean(mistake));
  hint.textContent = mistake || text;
}

// Shows what a click on the button submits.
function showSummary(state) {
  const { order_id, amount, count } = values(state);
  const number = numberOf(count);
  const isBatch = number > 1 && number <= state.data.maxBatch;
  state.button.textContent = state.waiting ? "Submitting…" : isBatch ? `Submit ${number} orders` : "Submit order";
  state.button.disabled = Boolean(state.waiting);
  const cents = centsOf(amount.trim(), state.data.amount), id = order_id.trim();
  const parts = [];
  if (isBatch && id) parts.push(element("span", { class: "mono ids", title: id }, `${id}-1 … ${id}-${number}`));
  if (isBatch && cents !== null) parts.push(element("span", {}, `${number} × ${dollars(cents)} = `, element("strong", {}, dollars(cents * number))));
  state.summary.replaceChildren(...parts);
}

function numberOf(count) {
  return /^[0-9]{1,3}$/.test(count.trim()) ? Number(count) : 0;
}

// Returns the cents of an amount as the server reads it; null if it is none.
function centsOf(text, grammar) {
  if (!new RegExp(`^(?:${grammar})$`).test(text)) return null;
  const [whole, part = ""] = text.split(".");
  const cents = Number(whole) * 100 + Number(part.padEnd(2, "0"));
  return Number.isSafeInteger(cents * 100) ? cents : null;
}

function dollars(cents) {
  return `$${Math.floor(cents / 100).toLocaleString("en-US")}.${String(cents % 100).padStart(2, "0")}`;
}

function showComponent(component) {
  const state = stateOf(component, () => create(component));
  state.data = component.data;
  state.component = component;
  reopen(state);
  answer(state);
  sendAgain(state);
  show(state);
  if (state.described) return;
  state.described = true;
  if (state.fields.start.field.value) component.setStateValue("start", startOf(state)); // a restored time
}
