// When to start: a moment in the browser's own time zone, or nothing, which is now. The browser's
// own field also tells of a moment of which only a part was typed.

function told(field) {
  const at = new Date(field.value).getTime();
  return { at: Number.isNaN(at) ? null : at, isPart: field.validity.badInput };
}

function begin(component) {
  const field = element("input", { type: "datetime-local", max: "9999-12-31T23:59", "aria-label": "Start at" });
  const label = element("div", { class: "label" }, "Start at ", element("span", { class: "muted" }, "(empty: now)"));
  component.parentElement.append(element("div", { class: "part start" }, label, field));
  const state = { field, said: JSON.stringify(told(field)) };
  // A part of a moment is no input to the browser: the keys that type it are.
  for (const event of ["input", "change", "keyup", "blur"]) field.addEventListener(event, () => look(state));
  return state;
}

function look(state) {
  const moment = told(state.field), said = JSON.stringify(moment);
  if (said === state.said) return;
  state.said = said;
  state.say(moment);
}

export default function (component) {
  const state = remembered(component.parentElement, () => begin(component));
  state.say = (moment) => component.setStateValue("moment", moment);
  return () => REMEMBERED.delete(component.parentElement);
}
