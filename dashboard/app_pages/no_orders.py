"""Stands at the address of the order form while Flowdeck is attached to another application."""

import streamlit as st

st.header("New order", anchor=False)
st.info(
    "There is no order form: this Flowdeck is attached to an application. Start its workflows in "
    "the application, and they appear in the list."
)
st.page_link("app_pages/instances.py", label="Show the instances")
