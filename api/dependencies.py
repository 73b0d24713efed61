"""The dependencies of the endpoints: the services, the actor and the instance id."""

from typing import Annotated

from fastapi import Depends, Path, Request

from api.services import Services
from operations.errors import UnknownInstance
from operations.model import Actor, is_possible_id

API_USER = Actor(name="api", role="operator")


async def get_services(request: Request) -> Services:
    """Return the services of the application."""
    services: Services = request.app.state.services
    return services


async def get_actor() -> Actor:
    """Return the actor of the request: always `API_USER`, because the API has no sign-in yet."""
    return API_USER


async def get_instance_id(
    instance_id: Annotated[
        str,
        Path(
            description="The id of an instance of any application; the instance of an order has "
            "the id `order_` and the order's id.",
            examples=["order_ORDER001"],
        ),
    ],
) -> str:
    """Return the id; raises `UnknownInstance` for an id that no instance can have."""
    if not is_possible_id(instance_id):
        raise UnknownInstance(instance_id)
    return instance_id


ServicesDependency = Annotated[Services, Depends(get_services)]
CurrentActor = Annotated[Actor, Depends(get_actor)]
InstanceId = Annotated[str, Depends(get_instance_id)]
