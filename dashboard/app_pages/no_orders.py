"""Stands at the address of the order form while Flowdeck is attached to another application."""

import streamlit as st

st.header("New order", anchor=False)
st.info(
    "There is no order form: this Flowdeck is attached to an application. The page “Start” starts "
    "any of its workflows."
)
st.page_link("app_pages/start.py", label="Start a workflow")
st.page_link("app_pages/instances.py", label="Show the instances")
