"""Reads a problem+json answer and checks what every one must hold."""


def problem(response, status):
    assert response.status_code == status
    assert response.mimetype == "application/problem+json"
    answer = response.get_json()
    assert answer["status"] == status
    assert answer["title"]
    assert answer["detail"]
    return answer
