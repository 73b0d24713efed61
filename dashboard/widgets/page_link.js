// A link to a page of the app. It is a widget because `st.page_link` leaves the address as it is if the
// link is to another instance: both have the same page.

function showComponent(component) {
  const state = stateOf(component, () => {
    const link = pageLink({});
    return { link, root: element("div", { class: "widget" }, link) };
  });
  const { href, label } = component.data;
  state.link.setAttribute("href", href);
  state.link.textContent = label;
}
