// The link back to the list, which can also be opened in another tab.

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const state = remembered(parentElement, () => {
    const link = element("a", { onclick: onPlainClick(() => state.follow()) }, icon("M13 8H3.4 M7.6 3.8L3.4 8l4.2 4.2"), "Instances");
    parentElement.append(element("div", { class: "widget back" }, link));
    return { link };
  });
  state.follow = () => setTriggerValue("back", Date.now());
  state.link.setAttribute("href", data.href);
  return () => REMEMBERED.delete(parentElement);
}
