"""Who is asking: the token's user, who must be the one in the path."""

import os

from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from jose import JWTError, jwt

SECRET = os.environ["BETTER_AUTH_SECRET"]
bearer = HTTPBearer(auto_error=False)


async def current_user(
    user_id: str, credentials: HTTPAuthorizationCredentials = Depends(bearer)
) -> str:
    if credentials is None:
        raise HTTPException(status_code=401, detail="unauthorized")
    try:
        claims = jwt.decode(credentials.credentials, SECRET, algorithms=["HS256"])
    except JWTError:
        raise HTTPException(status_code=401, detail="unauthorized")
    if claims.get("sub") != user_id:
        raise HTTPException(status_code=403, detail="user_id_mismatch")
    return user_id
