"""The router: decides which page is shown."""

from pathlib import Path

import streamlit as st

from dashboard.bulk.jobs_data import BULK
from dashboard.listing.address_filter import mark_list_left
from dashboard.listing.table_data import INSTANCE, LIST
from dashboard.live.widget import page_rerun
from dashboard.overview.overview_data import FAILURES, WAITING
from dashboard.services import offers_orders

HERE = Path(__file__).parent
PAGES = HERE / "app_pages"

st.set_page_config(page_icon=str(HERE / "assets" / "flowdeck.svg"), layout="wide")
st.logo(HERE / "assets" / "wordmark.svg", size="large")
st.html(HERE / "assets" / "pages.css")
new_order = (
    st.Page(PAGES / "new_order.py", title="New order", url_path="new")
    if offers_orders()
    else st.Page(PAGES / "no_orders.py", title="No orders", url_path="new", visibility="hidden")
)
page = st.navigation(
    [
        st.Page(PAGES / "overview.py", title="Overview", default=True),
        st.Page(PAGES / "instances.py", title="Instances", url_path=LIST),
        st.Page(PAGES / "waiting.py", title="Waiting", url_path=WAITING),
        st.Page(PAGES / "failures.py", title="Failures", url_path=FAILURES),
        st.Page(PAGES / "bulk.py", title="Bulk jobs", url_path=BULK),
        st.Page(PAGES / "audit.py", title="Audit log", url_path="audit"),
        new_order,
        st.Page(PAGES / "start.py", title="Start", url_path="start"),
        st.Page(PAGES / "instance.py", title="Instance", url_path=INSTANCE, visibility="hidden"),
    ],
    position="top",
)
st.set_page_config(page_title=f"{page.title} · Flowdeck")
if page.url_path != LIST:
    mark_list_left()
page.run()
page_rerun()
