// The link back to the list as it was left; in a tab of its own it leads there too.

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const state = remembered(parentElement, () => {
    const link = element("a", { onclick: onPlainClick(() => state.follow()) }, icon("M13 8H3.4 M7.6 3.8L3.4 8l4.2 4.2"), "Instances");
    parentElement.append(element("div", { class: "part back" }, link));
    return { link };
  });
  state.follow = () => setTriggerValue("back", Date.now());
  state.link.setAttribute("href", data.href);
  return () => REMEMBERED.delete(parentElement);
}
