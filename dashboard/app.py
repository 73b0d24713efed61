"""The router: decides which page is shown."""

from pathlib import Path

import streamlit as st

from dashboard.listing.address_filter import mark_list_left
from dashboard.listing.table_data import INSTANCE
from dashboard.live.widget import page_rerun
from dashboard.services import offers_orders

HERE = Path(__file__).parent
PAGES = HERE / "app_pages"

st.set_page_config(
    page_title="Flowdeck", page_icon=str(HERE / "assets" / "flowdeck.svg"), layout="wide"
)
st.logo(HERE / "assets" / "wordmark.svg", size="large")
st.html("<style>[data-testid=stMainBlockContainer] {padding-top: 4.75rem}</style>")
new_order = (
    st.Page(PAGES / "new_order.py", title="New order", url_path="new")
    if offers_orders()
    else st.Page(PAGES / "no_orders.py", title="No orders", url_path="new", visibility="hidden")
)
page = st.navigation(
    [
        st.Page(PAGES / "instances.py", title="Instances", default=True),
        new_order,
        st.Page(PAGES / "instance.py", title="Instance", url_path=INSTANCE, visibility="hidden"),
    ],
    position="top",
)
if page.url_path:  # the list has none
    mark_list_left()
page.run()
page_rerun()
