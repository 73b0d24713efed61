// The link back to the list.

function showComponent(component) {
  const state = stateOf(component, () => {
    const link = pageLink({}, icon("M13 8H3.4 M7.6 3.8L3.4 8l4.2 4.2"), "Instances");
    return { link, root: element("div", { class: "widget back" }, link) };
  });
  state.link.setAttribute("href", component.data.href);
}
